/** Encodes ended spans as OTLP's `Span` messages, one behind the other, as a `ScopeSpans` holds them. */

import { type AttributeValue, type Link, SpanStatusCode } from "@opentelemetry/api";
import { type EndedSpan, maxOfEach, type TimedEvent } from "../spans/ended-span.ts";
import { AttributeEncoder } from "./attribute-encoder.ts";
import type { EncodedSpans } from "./encoded-spans.ts";
import { Wire } from "./protobuf-writer.ts";

/** Bytes left for the head of the request: mostly a resource, which takes some hundred. */
const room = 2_048;
const initialSize = 65_536;
/**
 * Most buffers kept for reuse. A new buffer costs more than writing into it: the system provides its pages one by one.
 */
const maxSpare = 8;
/** Largest buffer that is kept, bytes; few grow larger. */
const maxReused = 4_194_304;
/** Bytes of a span beside its texts: ids, times, counts, tags. */
const fixedSize = 256;

const spanTag = 0x12;
const attributeTag = 0x4a;
const eventAttributeTag = 0x1a;
const linkAttributeTag = 0x22;

/** Bits of a span's and a link's flags, above the trace flags: `isRemote` is known, and `isRemote` is true. */
const hasIsRemote = 0x100;
const isRemote = 0x200;

export class SpanEncoder {
  readonly #wire = new Wire(initialSize);
  readonly #attributes = new AttributeEncoder(this.#wire);
  readonly #spare: Buffer[] = [];
  #count = 0;

  constructor() {
    this.#wire.at = room;
  }

  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#wire.at;
  }

  /** Adds a span. @throws an error of a getter among its attributes; the span was then not added */
  add(span: EndedSpan): void {
    const wire = this.#wire;
    const start = wire.at;
    try {
      this.#span(span);
      this.#count += 1;
    } catch (error) {
      wire.at = start;
      throw error;
    }
  }

  /**
   * Takes the spans that were added, and begins a new batch. A batch that would leave half of its buffer empty gets a
   * smaller one: it may be held for long.
   */
  take(): EncodedSpans {
    const wire = this.#wire;
    const { bytes, at } = wire;
    const count = this.#count;
    const fills = at > bytes.length / 2;
    const taken: EncodedSpans = fills
      ? { count, size: bytes.length, bytes: bytes.subarray(0, at), start: room, whole: bytes }
      : { count, size: at, bytes: wire.copy(), start: room, whole: undefined };
    if (fills) wire.bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(bytes.length);
    wire.at = room;
    this.#count = 0;
    return taken;
  }

  /** Takes back a batch that nobody needs any more. */
  reuse({ whole }: EncodedSpans): void {
    if (whole === undefined || whole.length > maxReused || this.#spare.length >= maxSpare) return;
    if (whole.length >= this.#wire.bytes.length) this.#spare.push(whole); // not one from before the buffer grew
  }

  #span(span: EndedSpan): void {
    const wire = this.#wire;
    const { own, parent } = span;
    wire.reserve(fixedSize);
    wire.byte(spanTag);
    const begun = wire.beginLong();
    wire.byte(0x0a);
    wire.hex(own.traceId);
    wire.byte(0x12);
    wire.hex(own.spanId);
    if (own.traceState !== undefined) this.#text(0x1a, own.traceState.serialize());
    if (parent !== undefined) {
      wire.byte(0x22);
      wire.hex(parent.spanId);
    }
    this.#text(0x2a, span.name);
    wire.byte(0x30);
    wire.byte(span.kind + 1);
    wire.byte(0x39);
    wire.nanoseconds(span.startMs, span.startNs);
    wire.byte(0x41);
    wire.nanoseconds(span.endMs, span.endNs);
    this.#count32(0x50, span.droppedAttributes + this.#ofSpan(span));
    for (const event of span.events) this.#event(event);
    this.#count32(0x60, span.droppedEvents);
    for (const link of span.links) this.#link(link);
    this.#count32(0x70, span.droppedLinks);
    if (span.status !== SpanStatusCode.UNSET) this.#status(span.status, span.statusMessage);
    wire.reserve(fixedSize);
    wire.byte(0x85);
    wire.byte(0x01);
    wire.fixed32((own.traceFlags & 0xff) | hasIsRemote | (parent?.isRemote === true ? isRemote : 0));
    wire.endLong(begun);
  }

  /** Writes the attributes. Returns the number of those that are too many. */
  #ofSpan(span: EndedSpan): number {
    const wire = this.#wire;
    const encoder = this.#attributes;
    const { statics, attributes, later } = span;
    const start = wire.at;
    const shared = encoder.shared(attributeTag, statics);
    wire.raw(shared.bytes);
    let count = shared.count;
    for (const key in attributes) {
      if (later.length > 0 && isKey(later, key)) continue;
      const put = encoder.putBeside(shared, attributeTag, key, attributes[key]);
      if (put === undefined) return this.#merged(span, start);
      if (put) count += 1;
    }
    for (let i = 0; i < later.length; i += 2) {
      const put = encoder.putBeside(shared, attributeTag, later[i] as string, later[i + 1]);
      if (put === undefined) return this.#merged(span, start);
      if (put) count += 1;
    }
    return count > maxOfEach ? this.#merged(span, start) : 0;
  }

  /** Writes the attributes of the rare span that overrides its static attributes, or has too many. */
  #merged({ statics, attributes, later }: EndedSpan, start: number): number {
    const all = new Map<string, AttributeValue>();
    let dropped = 0;
    const set = (key: string, value: AttributeValue): void => {
      if (value === undefined) return;
      if (all.has(key) || all.size < maxOfEach) all.set(key, value);
      else dropped += 1;
    };
    for (const [key, value] of Object.entries({ ...statics, ...attributes })) set(key, value);
    for (let i = 0; i < later.length; i += 2) set(later[i] as string, later[i + 1]);
    this.#wire.at = start;
    for (const [key, value] of all) this.#attributes.put(attributeTag, key, value);
    return dropped;
  }

  #event({ name, ms, ns, attributes, droppedAttributes }: TimedEvent): void {
    const wire = this.#wire;
    wire.reserve(fixedSize);
    wire.byte(0x5a);
    const begun = wire.beginLong();
    wire.byte(0x09);
    wire.nanoseconds(ms, ns);
    this.#text(0x12, name);
    this.#attributes.putAll(eventAttributeTag, attributes);
    this.#count32(0x20, droppedAttributes);
    wire.endLong(begun);
  }

  #link({ context, attributes, droppedAttributesCount }: Link): void {
    const wire = this.#wire;
    wire.reserve(fixedSize);
    wire.byte(0x6a);
    const begun = wire.begin();
    wire.byte(0x0a);
    wire.hex(context.traceId);
    wire.byte(0x12);
    wire.hex(context.spanId);
    if (context.traceState !== undefined) this.#text(0x1a, context.traceState.serialize());
    if (attributes !== undefined) this.#attributes.putAll(linkAttributeTag, attributes);
    this.#count32(0x28, droppedAttributesCount ?? 0);
    wire.byte(0x35);
    wire.fixed32((context.traceFlags & 0xff) | hasIsRemote | (context.isRemote === true ? isRemote : 0));
    wire.end(begun);
  }

  #status(code: SpanStatusCode, message: string): void {
    const wire = this.#wire;
    wire.reserve(fixedSize);
    wire.byte(0x7a);
    const begun = wire.begin();
    if (message !== "") this.#text(0x12, message);
    wire.byte(0x18);
    wire.byte(code);
    wire.end(begun);
  }

  #text(tag: number, text: string): void {
    this.#wire.reserve(fixedSize);
    this.#wire.byte(tag);
    this.#wire.text(text);
    this.#wire.reserve(fixedSize);
  }

  #count32(tag: number, count: number): void {
    this.#wire.reserve(fixedSize);
    if (count === 0) return;
    this.#wire.byte(tag);
    this.#wire.varint(count);
  }
}

function isKey(later: readonly unknown[], key: string): boolean {
  for (let i = 0; i < later.length; i += 2) if (later[i] === key) return true;
  return false;
}

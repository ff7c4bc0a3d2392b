/** A span of the backbone: the whole API of OpenTelemetry's `Span`, at the cost of noting its fields. */

import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from "@opentelemetry/api";
import { cleanAttributes, cleanSimpleAttributes, isTimeInput } from "@opentelemetry/core";
import type { Opening } from "../../tracing/sdk.ts";
import { type EndedSpan, maxOfEach, type TimedEvent } from "./ended-span.ts";

const limits = { attributeCountLimit: maxOfEach, attributeValueLengthLimit: Number.POSITIVE_INFINITY };
const none: readonly never[] = [];

/**
 * Interval at which the host's clock is read, ms. In between `performance.now()` tells the time: reading both costs
 * more.
 */
const clockMs = 1_000;
let lookedAt = Number.NEGATIVE_INFINITY;
let clockAhead = 0;

/** The epoch ms that belong to a present `performance.now()`. */
function epochOf(now: number): number {
  if (now - lookedAt > clockMs) {
    lookedAt = now;
    clockAhead = Date.now() - now;
  }
  return clockAhead + now;
}

/**
 * A span, open until `end`; later calls have no effect. It owns the objects that it was opened with. Its fields are
 * read when it has ended.
 */
export class LeanSpan implements Span, EndedSpan {
  readonly own: SpanContext;
  readonly parent: SpanContext | undefined;
  name: string;
  readonly kind: SpanKind;
  readonly statics: Attributes;
  readonly attributes: Attributes;
  later: readonly unknown[] = none;
  droppedAttributes = 0;
  links: readonly Link[];
  droppedLinks = 0;
  events: readonly TimedEvent[] = none;
  droppedEvents = 0;
  status: SpanStatusCode = SpanStatusCode.UNSET;
  statusMessage = "";
  readonly startMs: number;
  readonly startNs: number;
  endMs = 0;
  endNs = 0;
  /** `performance.now()` at the start. The span's later times are counted from it, as the host's clock may be set. */
  readonly #startedAt: number;
  readonly #ended: (span: EndedSpan) => void;
  #open = true;

  /** `startMs`: of a span that is made again, epoch ms; default: now. Then its end must be told, too. */
  constructor(
    opening: Opening,
    own: SpanContext,
    parent: SpanContext | undefined,
    ended: (span: EndedSpan) => void,
    startMs?: number,
  ) {
    this.own = own;
    this.parent = parent;
    this.name = opening.name;
    this.kind = opening.kind;
    this.statics = opening.statics;
    this.attributes = opening.attributes;
    this.links = opening.links;
    this.#ended = ended;
    const startedAt = performance.now();
    const start = startMs ?? epochOf(startedAt);
    this.#startedAt = startedAt;
    this.startMs = Math.floor(start);
    this.startNs = Math.round((start - this.startMs) * 1e6);
    if (opening.links.length > maxOfEach) {
      this.droppedLinks = opening.links.length - maxOfEach;
      this.links = opening.links.slice(-maxOfEach);
    }
  }

  spanContext(): SpanContext {
    return this.own;
  }

  isRecording(): boolean {
    return this.#open;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.#open || value === undefined || key.length === 0) return this;
    const kept = typeof value === "object" ? cleanAttributes({ [key]: value }, limits).attributes?.[key] : value;
    if (kept === undefined || typeof kept === "bigint" || typeof kept === "symbol" || typeof kept === "function")
      return this;
    const later = this.later as unknown[];
    for (let i = 0; i < later.length; i += 2) {
      if (later[i] !== key) continue;
      later[i + 1] = kept;
      return this;
    }
    if (later.length === 0) this.later = [key, kept];
    else if (later.length < 2 * maxOfEach || Object.hasOwn(this.attributes, key) || Object.hasOwn(this.statics, key))
      later.push(key, kept);
    else this.droppedAttributes += 1;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key of Object.keys(attributes)) this.setAttribute(key, attributes[key]);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (!this.#open) return this;
    const isTime = isTimeInput(attributesOrTime);
    const at = this.#at(isTimeInput(time) ? time : isTime ? attributesOrTime : undefined);
    const cleaned = cleanSimpleAttributes(isTime ? undefined : (attributesOrTime as Attributes | undefined), limits);
    const { attributes, droppedAttributesCount: droppedAttributes = 0 } = cleaned;
    this.droppedEvents += Number(this.events.length >= maxOfEach);
    this.events = [...this.events.slice(1 - maxOfEach), { name, ...at, attributes, droppedAttributes }];
    return this;
  }

  addLink({ context, attributes }: Link): this {
    if (!this.#open) return this;
    this.droppedLinks += Number(this.links.length >= maxOfEach);
    this.links = [...this.links.slice(1 - maxOfEach), { context, ...cleanAttributes(attributes, limits) }];
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  /** Sets the status. `OK` is final. */
  setStatus({ code, message }: SpanStatus): this {
    if (!this.#open || code === SpanStatusCode.UNSET || this.status === SpanStatusCode.OK) return this;
    this.status = code;
    this.statusMessage = code === SpanStatusCode.ERROR && typeof message === "string" ? message : "";
    return this;
  }

  updateName(name: string): this {
    if (this.#open) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { code, name, message, stack } =
      typeof exception === "string" ? { message: exception } : exceptionOf(exception);
    const attributes: Attributes = {};
    const type = code ? String(code) : name;
    if (type) attributes["exception.type"] = type;
    if (message) attributes["exception.message"] = message;
    if (stack) attributes["exception.stacktrace"] = stack;
    if (type || message) this.addEvent("exception", attributes, time);
  }

  end(time?: TimeInput): void {
    if (!this.#open) return;
    this.#open = false;
    if (time === undefined) {
      const lasted = performance.now() - this.#startedAt;
      const ms = Math.floor(lasted);
      this.endMs = this.startMs + ms;
      this.endNs = this.startNs + Math.round((lasted - ms) * 1e6);
    } else {
      const { ms, ns } = this.#at(time);
      const early = ms < this.startMs || (ms === this.startMs && ns < this.startNs);
      this.endMs = early ? this.startMs : ms;
      this.endNs = early ? this.startNs : ns;
    }
    this.#ended(this);
  }

  /**
   * Reads a time as the SDK does: a number below `performance.now()` counts from the process's start, a larger one is
   * epoch ms.
   */
  #at(time: TimeInput | undefined): { ms: number; ns: number } {
    if (Array.isArray(time)) {
      const [seconds, nanos] = time;
      const ms = Math.floor(nanos / 1e6);
      return { ms: seconds * 1_000 + ms, ns: nanos - ms * 1e6 };
    }
    const now = performance.now();
    if (time instanceof Date) return { ms: time.getTime(), ns: 0 };
    const epoch = typeof time === "number" && time > now;
    const past = epoch ? time : (time ?? now) - this.#startedAt;
    const ms = Math.floor(past);
    const ns = Math.round((past - ms) * 1e6);
    return epoch ? { ms, ns } : { ms: this.startMs + ms, ns: this.startNs + ns };
  }
}

interface ExceptionFields {
  readonly code?: string | number | undefined;
  readonly name?: string | undefined;
  readonly message?: string | undefined;
  readonly stack?: string | undefined;
}

/** The fields of an exception: untyped callers may record anything. */
function exceptionOf(exception: unknown): ExceptionFields {
  return (exception ?? {}) as ExceptionFields;
}

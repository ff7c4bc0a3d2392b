/**
 * Opens the backbone's spans in place of the SDK's tracer. It decides first, and makes nothing for a span that is not
 * kept.
 */

import { INVALID_SPAN_CONTEXT, isSpanContextValid, type Span, type SpanContext, TraceFlags } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { drawBytes, randomPool } from "../../model/random-hex.ts";
import type { Opening, Place, SpanSource } from "../../tracing/sdk.ts";
import { NamedSpan, namesSpan } from "../../tracing/trace-context.ts";
import type { RootRule } from "../setup/root-rule.ts";
import { keptByLinks } from "../setup/sampler.ts";
import { LeanSpan } from "./backbone-span.ts";
import type { EndedSpan } from "./ended-span.ts";

/** Bytes of a trace id. */
const traceBytes = 16;
const spanBytes = 8;

export class LeanSpans implements SpanSource {
  readonly followsStories = true;
  /** Decides on roots without links. */
  readonly #keepsRoot: RootRule;
  readonly #ended: (span: EndedSpan) => void;
  /** The start of spans that are made again, epoch ms. */
  readonly #startMs: (() => number) | undefined;
  /** The trace id that the rule has decided to keep, for the next root; "" when there is none. */
  #drawn = "";
  /** The parent that was found valid last: `open` asks about the same one as `decline` before it. */
  #valid: SpanContext | undefined;

  constructor(keepsRoot: RootRule, ended: (span: EndedSpan) => void, startMs?: () => number) {
    this.#startMs = startMs;
    this.#keepsRoot = keepsRoot;
    this.#ended = ended;
  }

  decline({ parent, context, links, identity }: Place): SpanContext | undefined {
    if (context !== undefined && isTracingSuppressed(context)) return INVALID_SPAN_CONTEXT;
    if (parent !== undefined && this.#isValid(parent)) {
      // The parent's ids stand for the span that is not made: neither span is kept.
      return parent.traceFlags & TraceFlags.SAMPLED ? undefined : parent;
    }
    const kept = keptByLinks(links);
    if (kept === true) return undefined;
    const at = drawIds();
    const derived = identity?.traceId?.();
    if (derived !== undefined) randomPool.write(derived, at, "hex");
    if (kept === undefined && this.#keepsRoot(randomPool, at)) {
      this.#drawn = derived ?? hexAt(at, traceBytes);
      return undefined;
    }
    const ids = hexAt(at, traceBytes + spanBytes);
    return new NamedSpan(ids.slice(0, 2 * traceBytes), ids.slice(2 * traceBytes), TraceFlags.NONE, false, undefined);
  }

  open(opening: Opening): Span {
    const { parent, identity } = opening;
    const isChild = parent !== undefined && this.#isValid(parent);
    const traceId = isChild ? parent.traceId : this.#drawn || identity?.traceId?.() || drawnId(traceBytes);
    if (!isChild) this.#drawn = "";
    const spanId = identity?.spanId(traceId, isChild ? parent.spanId : "") ?? drawnId(spanBytes);
    const own = new NamedSpan(traceId, spanId, TraceFlags.SAMPLED, false, isChild ? parent.traceState : undefined);
    return new LeanSpan(opening, own, isChild ? parent : undefined, this.#ended, this.#startMs?.());
  }

  #isValid(parent: SpanContext): boolean {
    if (parent === this.#valid) return true;
    // A `NamedSpan` was drawn here, or checked digit by digit when it was read.
    if (!(parent instanceof NamedSpan ? namesSpan(parent) : isSpanContextValid(parent))) return false;
    this.#valid = parent;
    return true;
  }
}

/** Draws the bytes of a trace id and a span id. Returns their index in the pool. */
function drawIds(): number {
  for (;;) {
    const at = drawBytes(traceBytes + spanBytes);
    if (isId(at) && isId(at + traceBytes)) return at;
  }
}

function drawnId(bytes: number): string {
  for (;;) {
    const at = drawBytes(bytes);
    if (isId(at)) return hexAt(at, bytes);
  }
}

/**
 * True when the bytes are an id: all zeros are none. A first part that is not zero is proof enough; one that is zero by
 * chance is drawn anew.
 */
function isId(at: number): boolean {
  return randomPool.readInt32BE(at) !== 0;
}

function hexAt(at: number, bytes: number): string {
  return randomPool.toString("hex", at, at + bytes);
}

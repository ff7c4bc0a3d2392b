/** Opens the backbone's spans in place of the SDK's tracer: decides first, and makes nothing for a span that is not kept. */

import { INVALID_SPAN_CONTEXT, isSpanContextValid, type Span, type SpanContext, TraceFlags } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { drawBytes, randomPool } from "../../model/random-hex.ts";
import type { Opening, Place, SpanSource } from "../../tracing/sdk.ts";
import { NamedSpan, namesSpan } from "../../tracing/trace-context.ts";
import type { RootRule } from "../setup/root-rule.ts";
import { keptByLinks } from "../setup/sampler.ts";
import { LeanSpan } from "./backbone-span.ts";
import type { EndedSpan } from "./ended-span.ts";

/** Bytes of a trace id, and of a span id. */
const traceBytes = 16;
const spanBytes = 8;

export class LeanSpans implements SpanSource {
  /** Asked for roots that nothing is linked to. */
  readonly #keepsRoot: RootRule;
  readonly #ended: (span: EndedSpan) => void;
  /** The trace id that the rule has decided to keep, for the root that is opened next; "" when there is none. */
  #drawn = "";
  /** The parent that was found valid last: what is asked about in `decline` is asked about again in `open`. */
  #valid: SpanContext | undefined;

  constructor(keepsRoot: RootRule, ended: (span: EndedSpan) => void) {
    this.#keepsRoot = keepsRoot;
    this.#ended = ended;
  }

  decline({ parent, context, links }: Place): SpanContext | undefined {
    if (context !== undefined && isTracingSuppressed(context)) return INVALID_SPAN_CONTEXT;
    if (parent !== undefined && this.#isValid(parent)) {
      // Its id stands for the span that is not made: nobody keeps either, so that no one can miss the difference.
      return parent.traceFlags & TraceFlags.SAMPLED ? undefined : parent;
    }
    const kept = keptByLinks(links);
    if (kept === true) return undefined;
    const at = drawIds();
    if (kept === undefined && this.#keepsRoot(randomPool, at)) {
      this.#drawn = hexAt(at, traceBytes);
      return undefined;
    }
    const ids = hexAt(at, traceBytes + spanBytes);
    return new NamedSpan(ids.slice(0, 2 * traceBytes), ids.slice(2 * traceBytes), TraceFlags.NONE, false, undefined);
  }

  open(opening: Opening): Span {
    const { parent } = opening;
    const isChild = parent !== undefined && this.#isValid(parent);
    const traceId = isChild ? parent.traceId : this.#drawn || hexAt(drawId(traceBytes), traceBytes);
    if (!isChild) this.#drawn = "";
    const spanId = hexAt(drawId(spanBytes), spanBytes);
    const own = new NamedSpan(traceId, spanId, TraceFlags.SAMPLED, false, isChild ? parent.traceState : undefined);
    return new LeanSpan(opening, own, isChild ? parent : undefined, this.#ended);
  }

  #isValid(parent: SpanContext): boolean {
    if (parent === this.#valid) return true;
    // One of ours was drawn here, or looked at digit by digit when it was read.
    if (!(parent instanceof NamedSpan ? namesSpan(parent) : isSpanContextValid(parent))) return false;
    this.#valid = parent;
    return true;
  }
}

/** Where the bytes of a new trace id begin in the pool, and after it those of a span id. */
function drawIds(): number {
  for (;;) {
    const at = drawBytes(traceBytes + spanBytes);
    if (isId(at) && isId(at + traceBytes)) return at;
  }
}

function drawId(bytes: number): number {
  for (;;) {
    const at = drawBytes(bytes);
    if (isId(at)) return at;
  }
}

/** All zeros is no id: that its first part is something else is enough, and never wrong but once in ages. */
function isId(at: number): boolean {
  return randomPool.readInt32BE(at) !== 0;
}

function hexAt(at: number, bytes: number): string {
  return randomPool.toString("hex", at, at + bytes);
}

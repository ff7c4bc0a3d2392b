/** Opens the backbone's spans in place of the SDK's tracer: decides first, and makes nothing for a span that is not kept. */

import {
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  TraceFlags,
} from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace";
import { randomHex } from "../random-hex.ts";
import type { Opening, Place, SpanSource } from "../tracing/sdk.ts";
import { NamedSpan, namesSpan } from "../tracing/trace-context.ts";
import type { EndedSpan } from "./ended-span.ts";
import { LeanSpan } from "./lean-span.ts";
import { keptByLinks } from "./sampler.ts";

const noTraceId = "0".repeat(32);
const noSpanId = "0".repeat(16);

export class LeanSpans implements SpanSource {
  readonly #root: Sampler;
  readonly #ended: (span: EndedSpan) => void;
  /** The trace id for which the sampler has decided to keep the root that is opened next; "" when there is none. */
  #drawn = "";
  /** The parent that was found valid last: what is asked about in `decline` is asked about again in `open`. */
  #valid: SpanContext | undefined;

  /** `root` is asked for roots that nothing is linked to. It sees the trace id and nothing else of the span. */
  constructor(root: Sampler, ended: (span: EndedSpan) => void) {
    this.#root = root;
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
    const traceId = drawId(16, noTraceId);
    if (kept === undefined) {
      const { decision } = this.#root.shouldSample(ROOT_CONTEXT, traceId, "", SpanKind.INTERNAL, {}, []);
      if (decision === SamplingDecision.RECORD_AND_SAMPLED) {
        this.#drawn = traceId;
        return undefined;
      }
    }
    return new NamedSpan(traceId, drawId(8, noSpanId), TraceFlags.NONE, false, undefined);
  }

  open(opening: Opening): Span {
    const { parent } = opening;
    const isChild = parent !== undefined && this.#isValid(parent);
    const traceId = isChild ? parent.traceId : this.#drawn || drawId(16, noTraceId);
    if (!isChild) this.#drawn = "";
    const spanId = drawId(8, noSpanId);
    const own = new NamedSpan(traceId, spanId, TraceFlags.SAMPLED, false, isChild ? parent.traceState : undefined);
    return new LeanSpan(opening, own, isChild ? parent : undefined, this.#ended);
  }

  #isValid(parent: SpanContext): boolean {
    if (parent === this.#valid) return true;
    // What came from elsewhere was looked at digit by digit when it was read.
    if (!(parent.isRemote === true ? namesSpan(parent) : isSpanContextValid(parent))) return false;
    this.#valid = parent;
    return true;
  }
}

function drawId(bytes: number, none: string): string {
  for (;;) {
    const id = randomHex(bytes);
    if (id !== none) return id;
  }
}

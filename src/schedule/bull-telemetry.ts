/** Makes spans of BullMQ's hops: a retry's timer continues the trace of the attempt that failed. */

import { SpanKind, type Telemetry } from "bullmq";
import { baggageAttributes } from "../tracing/baggage.ts";
import { isTraced, suppress, suppressedRoot, unsuppress } from "../tracing/suppression.ts";
import { timerTracing } from "../tracing/timer-spans.ts";

type Carried = ReturnType<typeof timerTracing.active>;

/**
 * The `telemetry` option of queues and workers. Only the setting of a timer and its firing become spans, and only
 * within a trace: BullMQ polls, and each poll would be a trace of its own. Its Redis commands become spans only with
 * `redisSpans`.
 */
export function bullTelemetry(options: { readonly redisSpans: boolean }): Telemetry<Carried> {
  return {
    tracer: {
      startSpan: (name, spanOptions, parent = timerTracing.active()) => {
        const hop = spanOptions?.kind !== SpanKind.INTERNAL && isTraced(parent);
        const span = timerTracing.startSpan(name, spanOptions, hop ? unsuppress(parent) : suppressedRoot);
        // The timer carries its event's baggage, so that its span is found by the order's ids as well.
        if (hop) for (const [key, value] of baggageAttributes(parent)) span.setAttribute(key, value);
        return span;
      },
    },
    contextManager: {
      getMetadata: (carried: Carried) => timerTracing.getMetadata(unsuppress(carried)),
      fromMetadata: (active: Carried, metadata: string) => timerTracing.fromMetadata(active, metadata),
      active: () => timerTracing.active(),
      with: (wanted, run) => timerTracing.with(options.redisSpans ? wanted : suppress(wanted), run),
    },
  };
}

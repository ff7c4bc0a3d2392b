/** The backbone's own way of spans, as `startTelemetry` provides it, with the spans kept in memory. */

import { context, propagation, type Tracer, type TracerProvider, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { ratioRule } from "../../src/telemetry/setup/root-rule.ts";
import type { EndedSpan } from "../../src/telemetry/spans/ended-span.ts";
import { LeanSpans } from "../../src/telemetry/spans/span-source.ts";
import { provideSpans } from "../../src/tracing/sdk.ts";

/** Takes any SDK away. */
export function noSpans(): void {
  trace.disable();
  context.disable();
  propagation.disable();
}

const unexpected = (): never => {
  throw new Error("a span was not opened on the backbone's own way");
};
const elsewhere: Tracer = { startSpan: unexpected, startActiveSpan: unexpected };

/** Provides them until the next call, roots without links all kept. Returns the spans that have ended. */
export function useOwnSpans(): EndedSpan[] {
  noSpans();
  const ended: EndedSpan[] = [];
  const provider: TracerProvider = {
    getTracer: () => elsewhere,
  };
  provideSpans(provider, new LeanSpans(ratioRule(1), (span) => ended.push(span)));
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return ended;
}

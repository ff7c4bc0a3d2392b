/** Makes trace ids without traces: with nothing to export to, every order still has an id for logs and clients. */

import {
  type Context,
  isSpanContextValid,
  propagation,
  type Span,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { derivedIds } from "../../tracing/id-generator.ts";

/** Registers a tracer that records nothing: its spans are only ids. Returns the function that removes it. */
export function provideTraceIds(): () => void {
  const provider: TracerProvider = { getTracer: () => new IdTracer() };
  trace.setGlobalTracerProvider(provider);
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return () => {
    trace.disable();
    propagation.disable();
  };
}

class IdTracer implements Tracer {
  startSpan(_name: string, options: SpanOptions = {}, context?: Context): Span {
    const parent = context === undefined || options.root === true ? undefined : trace.getSpanContext(context);
    const isChild = parent !== undefined && isSpanContextValid(parent);
    return trace.wrapSpanContext({
      traceId: isChild ? parent.traceId : derivedIds.generateTraceId(),
      spanId: derivedIds.generateSpanId(),
      // A root is flagged as sampled, so that a later process that does export has the journey from there.
      traceFlags: isChild ? parent.traceFlags : TraceFlags.SAMPLED,
      ...(isChild && parent.traceState !== undefined ? { traceState: parent.traceState } : {}),
    });
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<F> {
    const run = rest.at(-1) as F;
    return run(this.startSpan(name)) as ReturnType<F>;
  }
}

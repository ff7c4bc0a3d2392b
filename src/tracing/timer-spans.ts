/** Spans and contexts for BullMQ, which has a tracing interface of its own and does not know OpenTelemetry. */

import {
  type Attributes,
  type Context,
  context,
  type Exception,
  propagation,
  type Span,
  type SpanOptions,
  type TimeInput,
  trace,
} from "@opentelemetry/api";
import { scopeName, scopeVersion } from "./scope.ts";

/** A span with the methods that BullMQ calls. */
interface TimerSpan {
  setSpanOnContext(on: Context): Context;
  setAttribute(key: string, value: Attributes[string]): void;
  setAttributes(attributes: Attributes): void;
  addEvent(name: string, attributes?: Attributes, time?: TimeInput): void;
  recordException(exception: Exception, time?: TimeInput): void;
  end(): void;
}

export interface TimerTracing {
  startSpan(name: string, options: SpanOptions | undefined, parent: Context): TimerSpan;
  active(): Context;
  with<A extends (...args: never) => unknown>(within: Context, run: A): ReturnType<A>;
  /** The trace context and baggage as JSON, which BullMQ keeps beside a timer. */
  getMetadata(from: Context): string;
  fromMetadata(onto: Context, metadata: string): Context;
}

/** Opens BullMQ's spans. Gets the tracer anew for each span: an SDK may be registered late. */
export const timerTracing: TimerTracing = {
  startSpan: (name, options, parent) =>
    timerSpan(trace.getTracer(scopeName, scopeVersion).startSpan(name, options, parent)),
  active: () => context.active(),
  with: (within, run) => context.with(within, run as () => ReturnType<typeof run>),
  getMetadata: (from) => {
    const fields: Record<string, string> = {};
    propagation.inject(from, fields);
    return JSON.stringify(fields);
  },
  fromMetadata: (onto, metadata) => propagation.extract(onto, JSON.parse(metadata)),
};

function timerSpan(span: Span): TimerSpan {
  return {
    setSpanOnContext: (on) => trace.setSpan(on, span),
    setAttribute: (key, value) => void (value === undefined || span.setAttribute(key, value)),
    setAttributes: (attributes) => void span.setAttributes(attributes),
    addEvent: (name, attributes, time) => void span.addEvent(name, attributes, time),
    recordException: (exception, time) => span.recordException(exception, time),
    end: () => span.end(),
  };
}

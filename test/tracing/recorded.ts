/** An SDK that keeps its spans in memory, for a test file as a whole: a process has one. */

import { context, propagation, type TextMapPropagator, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Log } from "../../src/ports/log.ts";
import type { Delivered, Processing, ProcessSpan, Sending, Tracing } from "../../src/ports/tracing.ts";
import { createTracing, type TracingOptions } from "../../src/tracing/tracer.ts";

const exporter = new InMemorySpanExporter();

export function registerSdk(sampler?: Sampler): void {
  trace.disable();
  context.disable();
  propagation.disable();
  exporter.reset();
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })], ...(sampler && { sampler }) }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  usePropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
}

export function usePropagator(propagator: TextMapPropagator): void {
  propagation.disable();
  propagation.setGlobalPropagator(propagator);
}

/** The spans that have ended since the last call. */
export function recorded(): ReadableSpan[] {
  const spans = exporter.getFinishedSpans();
  exporter.reset();
  return spans;
}

export function named(spans: readonly ReadableSpan[], name: string): ReadableSpan {
  const found = spans.filter((span) => span.name === name);
  if (found.length !== 1)
    throw new Error(`${found.length} spans "${name}" in ${spans.map((span) => span.name).join(", ")}`);
  return found[0] as ReadableSpan;
}

export function spanIdsOf(links: ReadableSpan["links"]): string[] {
  return links.map(({ context: { spanId } }) => spanId);
}

/** Tracing as the core uses it, with what most tests do not care about filled in. */
export class Rig {
  readonly warnings: string[] = [];
  readonly tracing: Tracing;

  constructor(options: Partial<TracingOptions> = {}) {
    const log: Log = {
      debug() {},
      info() {},
      warn: (_, text) => void this.warnings.push(text),
      error: (_, text) => void this.warnings.push(text),
    };
    this.tracing = createTracing({ log, ...options });
  }

  sending(more: Partial<Sending> = {}): Sending {
    const channel = { name: "orders", topology: "parent" } as const;
    return { channel, partition: 0, eventId: "e", correlation: {}, causes: [], baggage: undefined, ...more };
  }

  /** Publishes an event and gives it back as it is delivered. */
  published(eventId: string, more: Partial<Sending> = {}): Delivered {
    const sending = this.sending({ eventId, ...more });
    const span = this.tracing.send(sending);
    span.sent("1-0");
    return {
      entryId: "1-0",
      eventId,
      carrier: span.carrier,
      causes: [],
      correlation: sending.correlation,
      time: 1,
    };
  }

  process(entries: readonly Delivered[], more: Partial<Processing> = {}): ProcessSpan {
    const channel = { name: "orders", topology: "parent" } as const;
    return this.tracing.process({
      channel,
      component: "c",
      member: "m",
      partition: 0,
      entries,
      attempt: 1,
      claimed: false,
      ...more,
    });
  }
}

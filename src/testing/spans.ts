/** `captureSpans`: registers an OpenTelemetry SDK that keeps ended spans in memory, for a test to read. */

import { createRequire } from "node:module";
import { context, propagation, type SpanKind, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { ConfigError } from "../model/errors.ts";
import { peerProblem } from "../model/optional-peer.ts";
import { spanPeers } from "./peers.ts";

/** A span that has ended. */
export interface CapturedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  /** The parent's span id; undefined for the root of a trace. */
  readonly parentSpanId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** The text of the error that the span ended with; undefined where it ended well. */
  readonly error: string | undefined;
}

/** The spans that were captured. Its disposal removes the SDK, so that the next test can have its own. */
export interface SpanCapture extends Disposable {
  /** All spans that have ended since the beginning, or since `clear`, in that order. */
  all(): readonly CapturedSpan[];
  /** The span of this name. @throws when there is none, or more than one */
  one(name: string): CapturedSpan;
  clear(): void;
}

const errorStatus = 2; // SpanStatusCode.ERROR

/** Loaded when spans are captured, and at once: whoever only wants a Redis need not have them. */
const sdk = {
  contexts: () => load<typeof import("@opentelemetry/context-async-hooks")>("@opentelemetry/context-async-hooks"),
  core: () => load<typeof import("@opentelemetry/core")>("@opentelemetry/core"),
  trace: () => load<typeof import("@opentelemetry/sdk-trace")>("@opentelemetry/sdk-trace"),
} as const;

function load<M>(name: string): M {
  try {
    return createRequire(import.meta.url)(name) as M;
  } catch (error) {
    throw peerProblem(spanPeers, error);
  }
}

/**
 * Registers the SDK for this process: every span is sampled, and trace context and baggage travel by W3C's formats.
 * @throws {ConfigError} when the process has an SDK already, or none is installed
 */
export function captureSpans(): SpanCapture {
  const { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } = sdk.trace();
  const { AsyncLocalStorageContextManager } = sdk.contexts();
  const { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } = sdk.core();
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  if (!trace.setGlobalTracerProvider(provider)) {
    throw new ConfigError(
      "captureSpans() found another OpenTelemetry SDK in this process: a process has one at a time",
    );
  }
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  const all = (): readonly CapturedSpan[] => exporter.getFinishedSpans().map(captured);
  return {
    all,
    one: (name) => {
      const spans = all();
      const [span, ...others] = spans.filter((one) => one.name === name);
      if (span === undefined || others.length > 0) {
        const found = spans.map((one) => one.name).join(", ") || "none at all";
        throw new Error(`there are ${others.length + (span === undefined ? 0 : 1)} spans "${name}" among: ${found}`);
      }
      return span;
    },
    clear: () => exporter.reset(),
    [Symbol.dispose]: () => {
      trace.disable();
      context.disable();
      propagation.disable();
      exporter.reset();
    },
  };
}

function captured(span: ReadableSpan): CapturedSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    kind: span.kind,
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    attributes: span.attributes,
    links: span.links.map((link) => ({ traceId: link.context.traceId, spanId: link.context.spanId })),
    error: span.status.code === errorStatus ? (span.status.message ?? "") : undefined,
  };
}

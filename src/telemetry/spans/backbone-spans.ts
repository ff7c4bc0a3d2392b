/**
 * Sends the backbone's spans to the Collector on a path of their own, in a process whose SDK exports over OTLP/gRPC.
 */

import { ProxyTracerProvider, type TracerProvider, trace } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import type { Log } from "../../ports/log.ts";
import { schemaUrl, scopeName, scopeVersion } from "../../tracing/scope.ts";
import { provideSpans } from "../../tracing/sdk.ts";
import { createEncodedExporter } from "../otlp/encoded-exporter.ts";
import { halve } from "../otlp/encoded-spans.ts";
import { RequestFrame } from "../otlp/request-frame.ts";
import { type OnDropped, RetryingSender } from "../otlp/retrying-sender.ts";
import { batchSettings, exporterDeadlineMs, maxHeldSpans, timeoutOf } from "../setup/export-settings.ts";
import { type RootRule, ratioRule } from "../setup/root-rule.ts";
import { rootRatioOf, samplesByOutcome } from "../setup/sampler.ts";
import type { TelemetrySettings } from "../setup/settings.ts";
import { SpanBatches } from "./span-batches.ts";
import { LeanSpans } from "./span-source.ts";

export interface OwnSpansOptions {
  readonly settings: TelemetrySettings;
  readonly log: Log;
  readonly onDropped: OnDropped;
  readonly shutdownTimeoutMs: number;
  /** Most bytes of spans that are held while no Collector takes them. */
  readonly maxHeldBytes: number;
}

export interface OwnSpans {
  /**
   * A processor for the SDK that is to be started. It flushes and shuts down with the SDK, and ignores the SDK's spans.
   */
  readonly processor: SpanProcessor;
  /** Switches the backbone's spans over to this path. To be called once the SDK is started. */
  provide(): void;
}

/** Makes the path. Undefined: the settings ask for something that only the SDK can do, so that it makes all spans. */
export function ownSpansOf(options: OwnSpansOptions): OwnSpans | undefined {
  if (samplesByOutcome(process.env["OTEL_TRACES_SAMPLER"])) return spansForLater();
  const { traceExporters, traceProtocol, byFile } = options.settings;
  const [exporter, ...more] = traceExporters;
  if (byFile || exporter !== "otlp" || more.length > 0 || traceProtocol !== "grpc" || limitsSpans()) return undefined;
  const ratio = rootRatioOf(process.env["OTEL_TRACES_SAMPLER"], process.env["OTEL_TRACES_SAMPLER_ARG"]);
  if (ratio === undefined) return undefined;
  const before = registered();
  let batches: SpanBatches | undefined;
  return {
    processor: {
      onStart: () => undefined,
      onEnd: () => undefined,
      forceFlush: async () => batches?.flush(),
      shutdown: async () => batches?.shutdown(),
    },
    provide() {
      // An SDK that could not be started, or came second, has registered nothing.
      const provider = registered();
      const resource = provider === before ? undefined : resourceOf(provider);
      if (resource !== undefined) batches = provideBatches(provider, resource, ratioRule(ratio), options);
    },
  };
}

/** Gives all spans the ids that go into the log, and exports none. */
function spansForLater(): OwnSpans {
  const ended = async (): Promise<void> => undefined;
  return {
    processor: { onStart: () => undefined, onEnd: () => undefined, forceFlush: ended, shutdown: ended },
    provide: () => provideSpans(registered(), new LeanSpans(ratioRule(1), () => undefined)),
  };
}

function provideBatches(
  provider: TracerProvider,
  resource: Resource,
  keepsRoot: RootRule,
  { log, onDropped, shutdownTimeoutMs, maxHeldBytes }: OwnSpansOptions,
): SpanBatches {
  const { maxQueueSize, maxExportBatchSize, scheduledDelayMillis } = batchSettings();
  const frame = new RequestFrame(resource, { name: scopeName, version: scopeVersion, schemaUrl });
  const batches = new SpanBatches({
    sender: (onFree) =>
      new RetryingSender({
        // Another name than that of the exporter of the SDK's spans: with the same one they would share their
        // back-offs.
        create: (generation, timeoutMs) =>
          createEncodedExporter(frame, {
            userAgent: `throughline-own/${generation}`,
            ...timeoutOf("TRACES", timeoutMs, shutdownTimeoutMs),
          }),
        halve,
        onFree,
        onDropped,
        log,
        shutdownTimeoutMs: exporterDeadlineMs(shutdownTimeoutMs),
        maxHeldSpans: maxHeldSpans(),
        maxHeldBytes,
      }),
    log,
    onDropped,
    maxSize: Math.min(maxExportBatchSize, maxQueueSize),
    maxWaitMs: scheduledDelayMillis,
  });
  provideSpans(provider, new LeanSpans(keepsRoot, (span) => batches.add(span)));
  return batches;
}

/** True where the environment sets span limits of its own. */
function limitsSpans(): boolean {
  return Object.entries(process.env).some(
    ([name, value]) => /^OTEL_(SPAN|ATTRIBUTE|EVENT|LINK)_.*LIMIT$/.test(name) && value?.trim() !== "",
  );
}

function registered(): TracerProvider {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
}

/**
 * The provider's resource, which has no public name. Where a later SDK names it otherwise, the SDK makes all spans
 * again.
 */
function resourceOf(provider: TracerProvider): Resource | undefined {
  return "_resource" in provider ? (provider._resource as Resource) : undefined;
}

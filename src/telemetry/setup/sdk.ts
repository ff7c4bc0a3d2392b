/** Starts the OpenTelemetry SDK: exporters, sampler, resource, and the instrumentation of the user's Redis calls. */

import type { RequestListener } from "node:http";
import { hostname } from "node:os";
import { type Counter, metrics, ProxyTracerProvider, type TracerProvider, trace } from "@opentelemetry/api";
import { getNumberFromEnv } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import {
  defaultResource,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import { startNodeSdk } from "@opentelemetry/sdk-node";
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace";
import type { Log } from "../../ports/log.ts";
import { derivedIds, type IdGenerator } from "../../tracing/id-generator.ts";
import { schemaUrl, scopeName, scopeVersion } from "../../tracing/scope.ts";
import { ownMetricsOf } from "../metrics/metric-reader.ts";
import { RetryingExporter } from "../otlp/retrying-exporter.ts";
import type { OnDropped } from "../otlp/retrying-sender.ts";
import { ownSpansOf } from "../spans/backbone-spans.ts";
import { logDiagnostics } from "./diagnostics.ts";
import { batchSettings, exporterDeadlineMs, maxHeldSpans, timeoutOf } from "./export-settings.ts";
import { patchRedisClient, redisInstrumentation } from "./redis-spans.ts";
import { samplerOf, samplesByOutcome } from "./sampler.ts";
import type { TelemetrySettings } from "./settings.ts";

export interface SdkOptions {
  readonly serviceName: string;
  /** `service.version`; undefined where nobody knows it. */
  readonly serviceVersion: string | undefined;
  readonly shutdownTimeoutMs: number;
  /** Most bytes of spans that are held while no Collector takes them. */
  readonly maxHeldBytes: number;
  /** The caller has a server that answers Prometheus. */
  readonly scrape: boolean;
  readonly settings: TelemetrySettings;
  readonly log: Log;
}

/** Spans that no Collector took, so far, and how many of them one may have all the same: its answer was lost. */
export interface LostSpans {
  readonly spans: number;
  readonly unanswered: number;
}

/** A started SDK. */
export interface StartedSdk {
  /** Stops it; that may take as long as the Collector does. */
  stop(): Promise<void>;
  lostSpans(): LostSpans;
  /** Answers Prometheus; undefined where it is not asked for, or left to the SDK's own server. */
  readonly scrape: RequestListener | undefined;
}

export function startSdk(options: SdkOptions): StartedSdk {
  const { settings, log } = options;
  // The SDK takes these two from the environment alone. Both are its defaults for this process, not overrides.
  process.env["OTEL_EXPORTER_OTLP_PROTOCOL"] ||= "grpc";
  process.env["OTEL_NODE_EXPERIMENTAL_SDK_METRICS"] ||= "true";
  const sampler = samplerOf(process.env["OTEL_TRACES_SAMPLER"], process.env["OTEL_TRACES_SAMPLER_ARG"]);
  // The counter exists only once the SDK is started, and must not be asked for after its shutdown.
  let dropped: Counter | undefined;
  let lost: LostSpans = { spans: 0, unanswered: 0 };
  const onDropped: OnDropped = (spans, unanswered) => {
    lost = { spans: lost.spans + spans, unanswered: lost.unanswered + unanswered };
    dropped?.add(spans);
  };
  const ownSpans = ownSpansOf({ ...options, onDropped });
  // By outcome, the spans of others could only be left out when their story is: nobody can make them again.
  const isLater = samplesByOutcome(process.env["OTEL_TRACES_SAMPLER"]);
  const spanProcessors = isLater ? [] : spanProcessorsOf(options, onDropped);
  const ownMetrics = ownMetricsOf(options);
  const sdk = startNodeSdk({
    baseResource: baseResource(options),
    // Other detectors read the command line, which may hold a password.
    ...(!process.env["OTEL_NODE_RESOURCE_DETECTORS"] && {
      resourceDetectors: [serviceInstanceIdDetector, serviceNameEnvDetector],
    }),
    instrumentations: [redisInstrumentation()],
    logRecordProcessors: [],
    ...(settings.metricExporters.length === 0 && { metricReaders: [] }),
    ...(ownMetrics !== undefined && { metricReaders: [...ownMetrics.readers] }),
    ...(sampler !== undefined && { sampler }),
    ...(spanProcessors !== undefined && {
      spanProcessors: ownSpans === undefined ? spanProcessors : [...spanProcessors, ownSpans.processor],
    }),
  });
  logDiagnostics(log, process.env["OTEL_LOG_LEVEL"]);
  ownMetrics?.provide();
  dropped = droppedSpans();
  // A counter that begins with its first loss would look to a rate as if nothing had been lost.
  dropped.add(0);
  ownSpans?.provide();
  deriveIds(trace.getTracerProvider());
  patchRedisClient();
  return {
    stop: () => {
      ownMetrics?.closing();
      return sdk.shutdown();
    },
    lostSpans: () => lost,
    scrape: ownMetrics?.scrape,
  };
}

/**
 * Lets the SDK ask our generator for ids. Its set-up takes none, and the options of its tracers have no public name: where a later SDK names
 * them otherwise, ids are drawn again, and a rebuilt span has another id than the live one.
 */
function deriveIds(provider: TracerProvider): void {
  const delegate = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  const { _tracerOptions: options } = delegate as { readonly _tracerOptions?: { idGenerator?: IdGenerator } };
  if (options?.idGenerator !== undefined) options.idGenerator = derivedIds;
}

/** The resource's defaults: the environment goes before them. */
function baseResource({ serviceName, serviceVersion }: SdkOptions): Resource {
  const own = {
    "service.name": serviceName,
    ...(serviceVersion !== undefined && { "service.version": serviceVersion }),
    "host.name": hostname(),
  };
  return defaultResource().merge(resourceFromAttributes(own, { schemaUrl }));
}

/** The processors of the SDK's spans. Undefined: the exporters are left to the SDK. */
function spanProcessorsOf(options: SdkOptions, onDropped: OnDropped): SpanProcessor[] | undefined {
  const { traceExporters, traceProtocol } = options.settings;
  const ours = traceExporters.every((name) => name === "console" || (name === "otlp" && traceProtocol === "grpc"));
  if (!ours) return undefined;
  return traceExporters.map((name) =>
    name === "console"
      ? new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })
      : batching(options, onDropped),
  );
}

function batching({ log, shutdownTimeoutMs, maxHeldBytes }: SdkOptions, onDropped: OnDropped): SpanProcessor {
  const exporter = new RetryingExporter({
    create: (generation, timeoutMs) =>
      new OTLPTraceExporter({
        userAgent: generation === 0 ? "throughline" : `throughline/${generation}`,
        ...timeoutOf("TRACES", timeoutMs, shutdownTimeoutMs),
      }),
    log,
    onDropped,
    shutdownTimeoutMs: exporterDeadlineMs(shutdownTimeoutMs),
    maxHeldSpans: maxHeldSpans(),
    maxHeldBytes,
  });
  return new BatchSpanProcessor({
    exporter,
    ...batchSettings(),
    exportTimeoutMillis: getNumberFromEnv("OTEL_BSP_EXPORT_TIMEOUT") ?? 30_000,
  });
}

function droppedSpans(): Counter {
  return metrics.getMeter(scopeName, scopeVersion, { schemaUrl }).createCounter("throughline.telemetry.dropped_spans", {
    description: "Spans that no Collector took.",
    unit: "{span}",
  });
}

/** Reads all metrics, the backbone's own distributions included: sends them to an OTLP endpoint, and answers Prometheus. */

import type { RequestListener } from "node:http";
import { diag, metrics } from "@opentelemetry/api";
import { getNumberFromEnv } from "@opentelemetry/core";
import {
  AggregationTemporality,
  type IMetricReader,
  InstrumentType,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { Log } from "../../ports/log.ts";
import { provideDistributions } from "../../tracing/distributions.ts";
import { logDiagnostics } from "../setup/diagnostics.ts";
import type { TelemetrySettings } from "../setup/settings.ts";
import { ClosingExporter } from "./closing-exporter.ts";
import { OwnDistributions } from "./distributions.ts";
import { ScrapeReader } from "./scrape-reader.ts";

export interface OwnMetrics {
  /** The readers, for the SDK that is to be started. */
  readonly readers: readonly IMetricReader[];
  /** Answers Prometheus; undefined where the settings ask for no such endpoint, or for one of the SDK's own. */
  readonly scrape: RequestListener | undefined;
  /** Says that the process's telemetry ends: the exports that are still to come have the time that is left of that. */
  closing(): void;
  /** Switches the backbone's distributions on. To be called once the SDK is started, before anything is measured. */
  provide(): void;
}

export interface OwnMetricsOptions {
  readonly settings: TelemetrySettings;
  readonly log: Log;
  readonly shutdownTimeoutMs: number;
  /** The caller has a server that answers Prometheus. */
  readonly scrape: boolean;
}

/** Makes the readers. Undefined: the settings ask for exporters that are left to the SDK. */
export function ownMetricsOf(options: OwnMetricsOptions): OwnMetrics | undefined {
  const { settings, log } = options;
  const { metricExporters, byFile } = settings;
  const isScraped = options.scrape && !hasOwnListener();
  const isOurs = (exporter: string): boolean =>
    exporter === "otlp" ? settings.metricProtocol === "grpc" : exporter === "prometheus" && isScraped;
  if (byFile || metricExporters.length === 0 || !metricExporters.every(isOurs)) return undefined;
  // A wrong setting is reported here: the SDK reports its complaints only from its start on.
  logDiagnostics(log, process.env["OTEL_LOG_LEVEL"]);
  try {
    return createOwnMetrics(options);
  } finally {
    diag.disable();
  }
}

/** A variable says where the SDK's own server is to answer Prometheus. */
function hasOwnListener(): boolean {
  return ["HOST", "PORT"].some((part) => (process.env[`OTEL_EXPORTER_PROMETHEUS_${part}`]?.trim() ?? "") !== "");
}

function createOwnMetrics({ settings, shutdownTimeoutMs }: OwnMetricsOptions): OwnMetrics {
  const { metricExporters } = settings;
  const exporter = metricExporters.includes("otlp") ? new ClosingExporter(shutdownTimeoutMs) : undefined;
  const isScraped = metricExporters.includes("prometheus");
  const temporality =
    exporter?.selectAggregationTemporality(InstrumentType.HISTOGRAM) ?? AggregationTemporality.CUMULATIVE;
  // Prometheus wants its values cumulative, and a delta can be read once: where both are asked for, the SDK's histograms serve them.
  const own = isScraped && temporality === AggregationTemporality.DELTA ? undefined : new OwnDistributions(temporality);
  const metricProducers = own === undefined ? [] : [own];
  const scrape = isScraped ? new ScrapeReader(metricProducers) : undefined;
  const readers: IMetricReader[] = scrape === undefined ? [] : [scrape.reader];
  if (exporter !== undefined)
    readers.push(new PeriodicExportingMetricReader({ exporter, metricProducers, ...exportTimes() }));
  const before = metrics.getMeterProvider();
  return {
    readers,
    scrape: scrape?.answer,
    closing: () => exporter?.closing(),
    provide() {
      // An SDK that could not be started, or came second, has registered nothing: nothing is read by these readers.
      const provider = metrics.getMeterProvider();
      if (own !== undefined && provider !== before) provideDistributions(provider, own);
    },
  };
}

/** The export times as the SDK reads them: a time-out is no longer than the interval. */
function exportTimes(): { exportIntervalMillis: number; exportTimeoutMillis: number } {
  const interval = positiveFromEnv("OTEL_METRIC_EXPORT_INTERVAL");
  const timeout = positiveFromEnv("OTEL_METRIC_EXPORT_TIMEOUT");
  if (interval !== undefined && timeout !== undefined && timeout > interval) {
    diag.warn(
      `OTEL_METRIC_EXPORT_TIMEOUT (${timeout}) is greater than OTEL_METRIC_EXPORT_INTERVAL (${interval}), which counts for both`,
    );
  }
  const exportIntervalMillis = interval ?? 60_000;
  return { exportIntervalMillis, exportTimeoutMillis: Math.min(timeout ?? 30_000, exportIntervalMillis) };
}

function positiveFromEnv(name: string): number | undefined {
  const value = getNumberFromEnv(name);
  if (value === undefined || value > 0) return value;
  diag.warn(`${name} is ${value}; it must be greater than 0, and its default is used`);
  return undefined;
}

/** Reads all metrics, the backbone's own distributions included, and sends them to an OTLP endpoint. */

import { diag, metrics } from "@opentelemetry/api";
import { getNumberFromEnv } from "@opentelemetry/core";
import { type IMetricReader, InstrumentType, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import type { Log } from "../../ports/log.ts";
import { provideDistributions } from "../../tracing/distributions.ts";
import { logDiagnostics } from "../setup/diagnostics.ts";
import type { TelemetrySettings } from "../setup/settings.ts";
import { ClosingExporter } from "./closing-exporter.ts";
import { OwnDistributions } from "./distributions.ts";

export interface OwnMetrics {
  /** The reader, for the SDK that is to be started. */
  readonly reader: IMetricReader;
  /** Says that the process's telemetry ends: the exports that are still to come have the time that is left of that. */
  closing(): void;
  /** Switches the backbone's distributions on. To be called once the SDK is started, before anything is measured. */
  provide(): void;
}

export interface OwnMetricsOptions {
  readonly settings: TelemetrySettings;
  readonly log: Log;
  readonly shutdownTimeoutMs: number;
}

/** Makes the reader. Undefined: the settings ask for exporters that are left to the SDK. */
export function ownMetricsOf({ settings, log, shutdownTimeoutMs }: OwnMetricsOptions): OwnMetrics | undefined {
  const { metricExporters, metricProtocol, byFile } = settings;
  const [exporter, ...more] = metricExporters;
  if (byFile || exporter !== "otlp" || more.length > 0 || metricProtocol !== "grpc") return undefined;
  // A wrong setting is reported here: the SDK reports its complaints only from its start on.
  logDiagnostics(log, process.env["OTEL_LOG_LEVEL"]);
  try {
    return createOwnMetrics(shutdownTimeoutMs);
  } finally {
    diag.disable();
  }
}

function createOwnMetrics(shutdownTimeoutMs: number): OwnMetrics {
  const exporter = new ClosingExporter(shutdownTimeoutMs);
  const own = new OwnDistributions(exporter.selectAggregationTemporality(InstrumentType.HISTOGRAM));
  const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [own], ...exportTimes() });
  const before = metrics.getMeterProvider();
  return {
    reader,
    closing: () => exporter.closing(),
    provide() {
      // An SDK that could not be started, or came second, has registered nothing: nothing is read by this reader.
      const provider = metrics.getMeterProvider();
      if (provider !== before) provideDistributions(provider, own);
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

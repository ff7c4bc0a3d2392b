/** Settings for gathering, holding and sending spans: the standard variables, within the backbone's bounds. */

import { getNumberFromEnv } from "@opentelemetry/core";

const batchSize = 512;
/** Most spans that the SDK holds: its flush sends all batches at once, and its exporter takes 30. */
const maxQueueSize = 30 * batchSize;
/**
 * Longest export, ms, unless `OTEL_EXPORTER_OTLP_TIMEOUT` sets another: a Collector that hangs must not hold up the
 * shutdown.
 */
const exportTimeoutMs = 5_000;
/** Time of the shutdown that an exporter leaves to the rest of the SDK, ms. */
const shutdownMarginMs = 250;

export interface BatchSettings {
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  readonly scheduledDelayMillis: number;
}

export function batchSettings(): BatchSettings {
  return {
    maxQueueSize: Math.min(getNumberFromEnv("OTEL_BSP_MAX_QUEUE_SIZE") ?? maxQueueSize, maxQueueSize),
    maxExportBatchSize: getNumberFromEnv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") ?? batchSize,
    scheduledDelayMillis: getNumberFromEnv("OTEL_BSP_SCHEDULE_DELAY") ?? 1_000,
  };
}

/** The time-out of an export. `shutdownMs`: time until the deadline of a shutdown that is under way. */
export function timeoutOf(shutdownMs: number | undefined): { timeoutMillis?: number } {
  if (shutdownMs !== undefined) return { timeoutMillis: shutdownMs };
  const { OTEL_EXPORTER_OTLP_TIMEOUT: general, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: own } = process.env;
  return general || own ? {} : { timeoutMillis: exportTimeoutMs };
}

/** The exporter's part of a shutdown that may take this long, ms. */
export function exporterDeadlineMs(shutdownTimeoutMs: number): number {
  return Math.max(0, shutdownTimeoutMs - shutdownMarginMs);
}

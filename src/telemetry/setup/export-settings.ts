/** How spans are gathered, held and sent: by the standard variables, within what the backbone can promise. */

import { getNumberFromEnv } from "@opentelemetry/core";

const batchSize = 512;
/** A flush of the SDK sends all batches at once, and its exporter takes 30. */
const maxQueueSize = 30 * batchSize;
/** Of an export, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise: a Collector that hangs must not hold up the shutdown. */
const exportTimeoutMs = 5_000;
/** What an exporter leaves of the deadline to the rest of the SDK. */
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

/** `shutdownMs`: what is left until the deadline of a shutdown that is under way. */
export function timeoutOf(shutdownMs: number | undefined): { timeoutMillis?: number } {
  if (shutdownMs !== undefined) return { timeoutMillis: shutdownMs };
  const { OTEL_EXPORTER_OTLP_TIMEOUT: general, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: own } = process.env;
  return general || own ? {} : { timeoutMillis: exportTimeoutMs };
}

/** How long an exporter may take of a shutdown that may take so long. */
export function exporterDeadlineMs(shutdownTimeoutMs: number): number {
  return Math.max(0, shutdownTimeoutMs - shutdownMarginMs);
}

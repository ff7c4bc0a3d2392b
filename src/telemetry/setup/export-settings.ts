/** Settings for gathering, holding and sending spans: the standard variables, within the backbone's bounds. */

import { getNumberFromEnv } from "@opentelemetry/core";
import { ConfigError } from "../../model/errors.ts";

const batchSize = 512;
/** Most spans that the SDK holds: its flush sends all batches at once, and its exporter takes 30. */
const maxQueueSize = 30 * batchSize;
/**
 * Longest export, ms, unless `OTEL_EXPORTER_OTLP_TIMEOUT` sets another: a Collector that hangs must not hold up the
 * shutdown.
 */
const exportTimeoutMs = 5_000;
/** Least time-out of an export where a shutdown is to be quicker, ms. */
const leastTimeoutMs = 1_000;
/** Time of the shutdown that an exporter leaves to the rest of the SDK, ms. */
const shutdownMarginMs = 250;

/** Most bytes of spans that are held, unless the process says otherwise. */
const defaultHeldBytes = 67_108_864;

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

/** Most spans that are held: as the environment says, else as many as the bytes allow. */
export function maxHeldSpans(): number {
  return getNumberFromEnv("OTEL_BSP_MAX_QUEUE_SIZE") ?? Number.POSITIVE_INFINITY;
}

/**
 * Most bytes of spans that are held. `given`: as the process says it, which the environment overrides.
 * @throws {ConfigError} on a number that is none
 */
export function maxHeldBytes(given: number = defaultHeldBytes): number {
  const text = process.env["THROUGHLINE_TELEMETRY_MAX_BYTES"]?.trim() ?? "";
  const bytes = text === "" ? given : Number(text);
  if (Number.isInteger(bytes) && bytes > 0) return bytes;
  const name = text === "" ? "maxHeldBytes" : "THROUGHLINE_TELEMETRY_MAX_BYTES";
  throw new ConfigError(`${name} is ${text || given}; it must be a whole number of bytes above 0`);
}

/**
 * The time-out of an export, ms: as the environment says, and no longer than a shutdown may take, so that none outlives it. `closingMs`:
 * what is left of a shutdown that is under way.
 */
export function timeoutOf(
  signal: "TRACES" | "METRICS",
  closingMs: number | undefined,
  shutdownTimeoutMs: number,
): { readonly timeoutMillis: number } {
  if (closingMs !== undefined) return { timeoutMillis: closingMs };
  const wanted =
    getNumberFromEnv(`OTEL_EXPORTER_OTLP_${signal}_TIMEOUT`) ?? getNumberFromEnv("OTEL_EXPORTER_OTLP_TIMEOUT");
  return { timeoutMillis: Math.min(wanted ?? exportTimeoutMs, Math.max(leastTimeoutMs, shutdownTimeoutMs)) };
}

/** The exporter's part of a shutdown that may take this long, ms. */
export function exporterDeadlineMs(shutdownTimeoutMs: number): number {
  return Math.max(0, shutdownTimeoutMs - shutdownMarginMs);
}

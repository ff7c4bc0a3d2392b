/**
 * `startTelemetry`: starts logging, traces and metrics of a process, by the standard `OTEL_*` variables. Import and
 * call it first.
 */

import { ConfigError } from "../../model/errors.ts";
import { peerProblem } from "../../model/optional-peer.ts";
import { endsWithin } from "../../model/waits.ts";
import type { Log } from "../../ports/log.ts";
import { telemetryPeers } from "./peers.ts";
import { readSettings } from "./settings.ts";

export interface TelemetryOptions {
  /** `service.name`; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before it. */
  readonly serviceName: string;
  /** Longest wait of `shutdown` for the Collector, ms. Default 5,000. */
  readonly shutdownTimeoutMs?: number;
}

export interface Telemetry extends AsyncDisposable {
  /** Writes to standard error: readable on a terminal, else JSON lines; with trace and span ids. `LOG_LEVEL` sets the level. */
  readonly log: Log;
  /** Delivers what is held, within the deadline. Idempotent, never rejects. */
  shutdown(): Promise<void>;
}

/**
 * Starts the OpenTelemetry SDK when an OTLP endpoint or an exporter is configured. Else nothing of the SDK is loaded,
 * and events carry trace ids all the same; with `OTEL_SDK_DISABLED=true` they carry none. An SDK that fails to start is
 * logged, and the process goes on without it.
 * @throws {ConfigError} on options that cannot be, or without the peers of this door
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { serviceName, shutdownTimeoutMs = 5_000, ...unknown } = options;
  const [option] = Object.keys(unknown);
  if (option !== undefined) throw new ConfigError(`startTelemetry has no option "${option}"`);
  if (typeof serviceName !== "string" || serviceName === "")
    throw new ConfigError("startTelemetry needs a serviceName");
  if (!(shutdownTimeoutMs >= 0 && Number.isFinite(shutdownTimeoutMs))) {
    throw new ConfigError(`shutdownTimeoutMs is ${shutdownTimeoutMs}; it must be 0 or more`);
  }
  const { createLog } = await withPeers(import("./process-log.ts"));
  const log = createLog(serviceName, process.env, process.stderr.isTTY === true);
  const stop = await start(serviceName, shutdownTimeoutMs, log);
  let stopped: Promise<void> | undefined;
  const shutdown = (): Promise<void> => {
    stopped ??= withinDeadline(stop, shutdownTimeoutMs, log);
    return stopped;
  };
  return { log, shutdown, [Symbol.asyncDispose]: shutdown };
}

async function start(serviceName: string, shutdownTimeoutMs: number, log: Log): Promise<() => Promise<void>> {
  const settings = readSettings(process.env);
  if (settings === "off") return async () => {};
  if (settings === "ids") {
    const { provideTraceIds } = await withPeers(import("./trace-ids.ts"));
    const takeAway = provideTraceIds();
    return async () => takeAway();
  }
  try {
    // Loaded only here: the SDK costs a quarter of a second and tens of megabytes.
    const { startSdk } = await withPeers(import("./sdk.ts"));
    return startSdk({ serviceName, shutdownTimeoutMs, settings, log });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    log.error({ err: error }, "telemetry could not be started; the process goes on without traces and metrics");
    return async () => {};
  }
}

async function withinDeadline(stop: () => Promise<void>, deadlineMs: number, log: Log): Promise<void> {
  try {
    if (await endsWithin(deadlineMs, stop())) return;
    log.warn({ deadlineMs }, "telemetry was not delivered within its deadline");
  } catch (error) {
    log.warn({ err: error }, "telemetry did not stop cleanly");
  }
}

/** Each module that imports a peer is loaded through it, when it is needed. */
function withPeers<M>(loading: Promise<M>): Promise<M> {
  return loading.catch((error: unknown) => {
    throw peerProblem(telemetryPeers, error);
  });
}

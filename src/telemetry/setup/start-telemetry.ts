/**
 * `startTelemetry`: starts logging, traces and metrics of a process, by the standard `OTEL_*` variables. Import and
 * call it first.
 */

import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
// Not by its name: a Node that is too old lacks it, and shall say that it is too old.
import * as nodeModule from "node:module";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../../model/errors.ts";
import { peerProblem } from "../../model/optional-peer.ts";
import { endsWithin } from "../../model/waits.ts";
import type { Log } from "../../ports/log.ts";
import { telemetryPeers } from "./peers.ts";
import type { LostSpans } from "./sdk.ts";
import { readSettings } from "./settings.ts";

export interface TelemetryOptions {
  /** `service.name`; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before it. */
  readonly serviceName: string;
  /**
   * `service.version`; `OTEL_RESOURCE_ATTRIBUTES` goes before it. Default: the version in the `package.json` that is nearest to the script
   * which was started.
   */
  readonly serviceVersion?: string;
  /** Longest wait of `shutdown` for the Collector, and longest export, ms. Default 5,000. */
  readonly shutdownTimeoutMs?: number;
  /**
   * Most bytes of spans that are held while the Collector is away, of the backbone's and of all others each; beyond it the oldest are
   * dropped. `THROUGHLINE_TELEMETRY_MAX_BYTES` goes before it. Default 64 MiB, for some 100,000 spans.
   */
  readonly maxHeldBytes?: number;
  /**
   * True: the process has an HTTP server of its own, which answers Prometheus by `scrape`. Where `OTEL_METRICS_EXPORTER` names `prometheus`, the
   * SDK then starts no server; with `OTEL_EXPORTER_PROMETHEUS_HOST` or `_PORT`, or beside exporters other than OTLP over gRPC, it does all the same.
   */
  readonly scrape?: boolean;
}

export interface Telemetry extends AsyncDisposable {
  /** Writes to standard error: readable on a terminal, else JSON lines; with trace and span ids. `LOG_LEVEL` sets the level. */
  readonly log: Log;
  /** Answers a scrape of Prometheus; undefined unless the option `scrape` and `OTEL_METRICS_EXPORTER` ask for it. */
  readonly scrape?: RequestListener;
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
  const { serviceName, serviceVersion, shutdownTimeoutMs = 5_000, maxHeldBytes, scrape = false, ...unknown } = options;
  const [option] = Object.keys(unknown);
  if (option !== undefined) throw new ConfigError(`startTelemetry has no option "${option}"`);
  if (typeof serviceName !== "string" || serviceName === "")
    throw new ConfigError("startTelemetry needs a serviceName");
  if (!(shutdownTimeoutMs >= 0 && Number.isFinite(shutdownTimeoutMs))) {
    throw new ConfigError(`shutdownTimeoutMs is ${shutdownTimeoutMs}; it must be 0 or more`);
  }
  if (maxHeldBytes !== undefined && !(Number.isInteger(maxHeldBytes) && maxHeldBytes > 0))
    throw new ConfigError(`maxHeldBytes is ${maxHeldBytes}; it must be a whole number of bytes above 0`);
  const { createLog } = await withPeers(import("./process-log.ts"));
  const log = createLog(serviceName, process.env, process.stderr.isTTY === true);
  const sdk = await start({
    serviceName,
    serviceVersion: serviceVersion ?? versionOfScript(),
    shutdownTimeoutMs,
    maxHeldBytes,
    scrape,
    log,
  });
  let stopped: Promise<void> | undefined;
  const shutdown = (): Promise<void> => {
    stopped ??= withinDeadline(sdk, shutdownTimeoutMs, log);
    return stopped;
  };
  return { log, ...(sdk.scrape && { scrape: sdk.scrape }), shutdown, [Symbol.asyncDispose]: shutdown };
}

/** What is to be stopped: an SDK, or what stands for one. */
interface Started {
  stop(): Promise<void>;
  lostSpans(): LostSpans;
  readonly scrape?: RequestListener | undefined;
}

const noneLost: LostSpans = { spans: 0, unanswered: 0 };

interface StartOptions {
  readonly serviceName: string;
  readonly serviceVersion: string | undefined;
  readonly shutdownTimeoutMs: number;
  readonly maxHeldBytes: number | undefined;
  readonly scrape: boolean;
  readonly log: Log;
}

async function start({ maxHeldBytes: given, ...options }: StartOptions): Promise<Started> {
  const settings = readSettings(process.env);
  if (settings === "off") return { stop: async () => {}, lostSpans: () => noneLost };
  if (settings === "ids") {
    const { provideTraceIds } = await withPeers(import("./trace-ids.ts"));
    const takeAway = provideTraceIds();
    return { stop: async () => takeAway(), lostSpans: () => noneLost };
  }
  try {
    // Loaded only here: the SDK costs a quarter of a second and tens of megabytes.
    const { startSdk } = await withPeers(import("./sdk.ts"));
    const { maxHeldBytes } = await withPeers(import("./export-settings.ts"));
    return startSdk({ ...options, settings, maxHeldBytes: maxHeldBytes(given) });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    options.log.error({ err: error }, "telemetry could not be started; the process goes on without traces and metrics");
    return { stop: async () => {}, lostSpans: () => noneLost };
  }
}

/** The version in the description of the package whose script was started; undefined where there is none. */
function versionOfScript(): string | undefined {
  try {
    const found = nodeModule.findPackageJSON(pathToFileURL(process.argv[1] ?? ""));
    const { version } = JSON.parse(readFileSync(found ?? "", "utf8")) as { readonly version?: unknown };
    return typeof version === "string" && version !== "" ? version : undefined;
  } catch {
    return undefined;
  }
}

async function withinDeadline(sdk: Started, deadlineMs: number, log: Log): Promise<void> {
  try {
    if (!(await endsWithin(deadlineMs, sdk.stop())))
      log.warn({ deadlineMs }, "telemetry did not stop within its deadline");
  } catch (error) {
    log.warn({ err: error }, "telemetry did not stop cleanly");
  }
  const { spans, unanswered } = sdk.lostSpans();
  if (spans > 0 && unanswered === 0)
    log.warn({ spans }, "spans of this process are lost in all: no Collector took them");
  else if (spans > 0)
    log.warn(
      { unanswered, spans },
      "spans of this process are lost in all: no Collector took them, or has said so of those unanswered",
    );
}

/** Each module that imports a peer is loaded through it, when it is needed. */
function withPeers<M>(loading: Promise<M>): Promise<M> {
  return loading.catch((error: unknown) => {
    throw peerProblem(telemetryPeers, error);
  });
}

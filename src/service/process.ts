/** `runProcess`: runs a component as this process, with options, signals, logs, health, metrics and exit codes. */

import type { RequestListener } from "node:http";
import type { Backbone } from "../composition/backbone.ts";
import { connectBackbone } from "../composition/connect-backbone.ts";
import { tlsFromEnv } from "../composition/tls-files.ts";
import type { ComponentOptions } from "../consume/options.ts";
import { ConfigError, ThroughlineError } from "../model/errors.ts";
import { escaped } from "../model/safe-text.ts";
import type { ServersPlace } from "../model/servers.ts";
import { serversGiven } from "../model/servers-given.ts";
import type { TlsOptions } from "../model/tls-options.ts";
import type { Log } from "../ports/log.ts";
import { type CommonOptions, type Option, parseArguments } from "./arguments.ts";
import { usageExitCode } from "./exit-code.ts";
import { serveHealth } from "./health.ts";
import { createLineLog } from "./line-log.ts";
import { stopSignal } from "./stop-signal.ts";

/** The arguments of `run`. */
export interface ProcessContext<O> {
  readonly backbone: Backbone;
  readonly log: Log;
  /** Aborts at the first SIGTERM or SIGINT: `run` then drains and returns. */
  readonly signal: AbortSignal;
  /** Where Redis is, as a backbone's options have it. */
  readonly servers: ServersPlace;
  readonly redisTls: TlsOptions | undefined;
  readonly namespace: string;
  /** The component's options, from those of the command line that every process has. */
  readonly component: ComponentOptions;
  /** The values of the process's own options. */
  readonly options: O;
}

export interface ProcessDefinition<O> {
  readonly name: string;
  readonly description: string;
  /** `startTelemetry` of `throughline/telemetry`. Default: no telemetry, and a log of JSON lines on standard error. */
  readonly telemetry?: StartTelemetry;
  /**
   * The namespace when neither `--namespace` nor `NAMESPACE` is given. Without this default one of them must be given.
   */
  readonly namespace?: string;
  /** The partition count of a namespace that nothing has used yet; one that is used keeps its own. Default 1. */
  readonly partitions?: number;
  /** The process's own options, beside those that every process has. */
  readonly options?: readonly Option[];
  /** Refuses options that cannot work, before anything is started. @throws {ConfigError} */
  readonly check?: (options: O) => void | Promise<void>;
  /** Runs the component, and resolves when it has drained. */
  readonly run: (context: ProcessContext<O>) => Promise<void>;
}

/**
 * Starts the process's log, and its traces and metrics if there are any. `scrape`: the process has a health endpoint, which then answers Prometheus
 * at `/metrics` by the `scrape` that is returned.
 */
export type StartTelemetry = (options: { readonly serviceName: string; readonly scrape: boolean }) => Promise<{
  readonly log: Log;
  readonly scrape?: RequestListener;
  shutdown(): Promise<void>;
}>;

/**
 * Runs a component as this process. The first signal drains it, and the process ends with 0. The second signal ends it
 * at once; deliveries in flight stay pending in Redis. An error ends it with 1; options or a Redis that cannot be used
 * end it with 2.
 */
export async function runProcess<O>(definition: ProcessDefinition<O>): Promise<never> {
  const given = parseArguments<O>(definition);
  const { telemetry: startTelemetry = withoutTelemetry } = definition;
  const scrape = given.common.healthPort !== undefined;
  const telemetry = await startTelemetry({ serviceName: definition.name, scrape }).catch((error: unknown) => {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${definition.name}: ${error.message}\n`);
    return process.exit(usageExitCode);
  });
  const { log, scrape: metrics } = telemetry;
  const signal = stopSignal((name) => log.info({ signal: name }, "draining; a second signal ends at once"));

  let code = 0;
  try {
    await definition.check?.(given.options);
    await serve(definition, given, { log, metrics, signal });
    log.info({}, "drained");
  } catch (error) {
    // A signal during the wait for Redis ends the process in order: no work was under way.
    if (!(signal.aborted && !(error instanceof ThroughlineError))) {
      code = error instanceof ConfigError ? usageExitCode : 1;
      if (error instanceof ConfigError) process.stderr.write(`${definition.name}: ${escaped(error.message)}\n`);
      else log.error({ err: error }, "ended by an error");
    }
  }
  await telemetry.shutdown();
  process.exit(code);
}

const withoutTelemetry: StartTelemetry = async ({ serviceName }) => ({
  log: createLineLog(serviceName, process.env),
  shutdown: async () => undefined,
});

interface Surroundings {
  readonly log: Log;
  readonly metrics: RequestListener | undefined;
  readonly signal: AbortSignal;
}

async function serve<O>(
  { run, partitions: usual = 1 }: ProcessDefinition<O>,
  { common, options }: { readonly common: CommonOptions; readonly options: O },
  { log, metrics, signal }: Surroundings,
): Promise<void> {
  const { redis: url, cluster, sentinels, sentinelName, namespace, healthHost, healthPort, ...rest } = common;
  const { partitions = usual, confirmReplicas: replicas, confirmTimeoutMs: timeoutMs, ...component } = rest;
  const servers = serversGiven({ url, cluster, sentinels, sentinelName });
  const redisTls = tlsFromEnv(process.env);
  let connected: Backbone | undefined;
  await using health =
    healthPort === undefined
      ? undefined
      : await serveHealth({
          ...{ host: healthHost, port: healthPort, look: () => connected?.health(), log },
          ...(metrics && { metrics }),
        });
  if (health !== undefined) log.info({ url: health.url }, "health is told");
  await using backbone = await connectBackbone({
    ...servers,
    ...(redisTls && { tls: redisTls }),
    namespace,
    partitions: { ifNew: partitions },
    ...(replicas !== undefined && { durability: { replicas, timeoutMs } }),
    log,
    signal,
  });
  connected = backbone;
  log.info({ namespace }, "started");
  await run({ backbone, log, signal, servers, redisTls, namespace, component, options });
}

/** What the three components' processes have in common: options, signals, logs, exit codes. */

import { Command, InvalidArgumentError, Option } from "commander";
import {
  type Backbone,
  type ComponentOptions,
  ConfigError,
  connectBackbone,
  type Log,
  ThroughlineError,
  type TlsOptions,
  tlsFromEnv,
} from "../index.ts";
import { serveHealth } from "./health.ts";

/** What a component's process is given to run with. */
export interface ProcessContext<O> {
  readonly backbone: Backbone;
  readonly log: Log;
  /** Aborts at the first SIGTERM or SIGINT: drain and return. */
  readonly signal: AbortSignal;
  readonly redisUrl: string;
  readonly redisTls: TlsOptions | undefined;
  readonly namespace: string;
  /** For the component, from the options that all three have. */
  readonly component: ComponentOptions;
  /** From the options that this one has added. */
  readonly options: O;
}

export interface ProcessDefinition<O> {
  readonly name: string;
  readonly description: string;
  readonly options?: readonly Option[];
  /** Refuses options that cannot work, before anything is started. @throws {ConfigError} */
  readonly check?: (options: O) => void | Promise<void>;
  /** Resolves when drained. */
  readonly run: (context: ProcessContext<O>) => Promise<void>;
}

/** Telemetry is the process's own choice and comes from outside: the domain does not know it. */
export type StartTelemetry = (options: { readonly serviceName: string }) => Promise<{
  readonly log: Log;
  shutdown(): Promise<void>;
}>;

/** It was called wrongly: as with `npm start` and `throughline`. */
const usageExitCode = 2;

/** A signal that comes again within this time is the same one, ms. */
const repeatMs = 500;

interface CommonOptions {
  readonly redis: string;
  readonly namespace: string;
  readonly healthHost: string;
  /** No health endpoint without it. */
  readonly healthPort?: number;
  readonly concurrency?: number;
  readonly claimAfterMs?: number;
  readonly drainTimeoutMs?: number;
}

/**
 * Runs a component as this process. The first signal drains it and ends with 0; the second ends it at once, and what was
 * in hand stays pending in Redis. An error ends it with 1, options or a Redis that cannot be worked with end it with 2.
 */
export async function runProcess<O>(startTelemetry: StartTelemetry, definition: ProcessDefinition<O>): Promise<never> {
  const given = parseArguments(definition);
  const telemetry = await startTelemetry({ serviceName: definition.name });
  const { log } = telemetry;
  const stopping = new AbortController();
  let stoppedAt = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      // A Ctrl-C under npm comes twice: from the terminal, and handed on by npm.
      if (performance.now() - stoppedAt > repeatMs) process.exit(signal === "SIGINT" ? 130 : 143);
      return;
    }
    stoppedAt = performance.now();
    log.info({ signal }, "draining; a second signal ends at once");
    stopping.abort();
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);

  let code = 0;
  try {
    await definition.check?.(given.options);
    await serve(definition, given, log, stopping.signal);
    log.info({}, "drained");
  } catch (error) {
    // A signal while Redis is still away ends the wait, and nothing was under way.
    if (!(stopping.signal.aborted && !(error instanceof ThroughlineError))) {
      code = error instanceof ConfigError ? usageExitCode : 1;
      if (error instanceof ConfigError) process.stderr.write(`${definition.name}: ${error.message}\n`);
      else log.error({ err: error }, "ended by an error");
    }
  }
  await telemetry.shutdown();
  process.exit(code);
}

async function serve<O>(
  { run }: ProcessDefinition<O>,
  { common, options }: { readonly common: CommonOptions; readonly options: O },
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { redis: redisUrl, namespace, healthHost, healthPort, ...component } = common;
  const redisTls = tlsFromEnv(process.env);
  let connected: Backbone | undefined;
  await using health =
    healthPort === undefined
      ? undefined
      : await serveHealth({ host: healthHost, port: healthPort, look: () => connected?.health() });
  if (health !== undefined) log.info({ url: health.url }, "health is told");
  await using backbone = await connectBackbone({
    url: redisUrl,
    ...(redisTls && { tls: redisTls }),
    namespace,
    log,
    signal,
  });
  connected = backbone;
  log.info({ namespace }, "started");
  await run({ backbone, log, signal, redisUrl, redisTls, namespace, component, options });
}

function parseArguments<O>({ name, description, options = [] }: ProcessDefinition<O>): {
  readonly common: CommonOptions;
  readonly options: O;
} {
  const command = new Command(name)
    .description(description)
    .allowExcessArguments(false)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : usageExitCode));
  const all = [
    new Option("--redis <url>", "redis://, rediss:// or unix:// URL")
      .env("REDIS_URL")
      .default("redis://127.0.0.1:6379"),
    new Option("--namespace <name>", "the backbone's namespace in it").env("NAMESPACE").default("trading"),
    new Option("--concurrency <n>", "handlers at once").env("CONCURRENCY").argParser(positiveNumber),
    new Option("--claim-after-ms <ms>", "silence after which another member's work is taken over")
      .env("CLAIM_AFTER_MS")
      .argParser(wholeNumber),
    new Option("--drain-timeout-ms <ms>", "longest time for finishing what was begun")
      .env("DRAIN_TIMEOUT_MS")
      .argParser(wholeNumber),
    new Option("--health-port <port>", "tells over HTTP whether it is live and ready; off without a port")
      .env("HEALTH_PORT")
      .argParser(portNumber),
    new Option("--health-host <address>", "address of that").env("HEALTH_HOST").default("127.0.0.1"),
    ...options,
  ];
  for (const option of all) command.addOption(option);
  command.addHelpText(
    "after",
    "\nLOG_LEVEL sets how much is logged; OTEL_* variables set where traces go; REDIS_TLS_CA, REDIS_TLS_CERT and REDIS_TLS_KEY name PEM files, REDIS_TLS_SERVERNAME a host." +
      "\n\nExit codes: 0 drained; 1 ended by an error; 2 called wrongly, or with a Redis that cannot be worked with.",
  );
  const values: Record<string, unknown> = command.parse().opts();
  const { redis, namespace, healthHost, healthPort, concurrency, claimAfterMs, drainTimeoutMs, ...own } = values;
  const maybe = defined({ healthPort, concurrency, claimAfterMs, drainTimeoutMs });
  const common = { redis, namespace, healthHost, ...maybe };
  // Commander has applied each option's default and parser.
  return { common: common as CommonOptions, options: own as O };
}

/** An option's parser for whole numbers from 0. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0.");
  return Number(text);
}

/** An option's parser for whole numbers from 1. */
export function positiveNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

/** An option's parser for a port, 0 for a free one. */
export function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new InvalidArgumentError("It must be a port, 0 to 65535.");
}

/** An option's parser for a share from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("It must be from 0 to 1.");
  return value;
}

function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** The command line and the environment of a component's process. */

import { Command, Option } from "commander";
import { usageLine } from "../model/safe-text.ts";
import { defaultUrl } from "../model/servers-given.ts";
import { usageExitCode } from "./exit-code.ts";
import { portNumber, positiveNumber, wholeNumber } from "./option-parsers.ts";

export { Option };

/** The part of a process's definition that determines its command line. */
interface Program {
  readonly name: string;
  readonly description: string;
  readonly namespace?: string;
  readonly options?: readonly Option[];
}

export interface CommonOptions {
  readonly redis?: string;
  readonly cluster?: string;
  readonly sentinels?: string;
  readonly sentinelName?: string;
  readonly namespace: string;
  readonly healthHost: string;
  /** The port of the health endpoint; without it there is none. */
  readonly healthPort?: number;
  readonly concurrency?: number;
  readonly takeoverAfterMs?: number;
  readonly drainTimeoutMs?: number;
  /** Of a namespace that nothing has used yet. */
  readonly partitions?: number;
  /** Replicas that have a write before it is acknowledged; without it none is asked for. */
  readonly confirmReplicas?: number;
  readonly confirmTimeoutMs: number;
}

/** Parses the process's arguments. Ends the process where they are wrong, or where help was asked for. */
export function parseArguments<O>({ name, description, namespace, options = [] }: Program): {
  readonly common: CommonOptions;
  readonly options: O;
} {
  const command = new Command(name)
    .description(description)
    .allowExcessArguments(false)
    .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : usageExitCode));
  const namespaceOption = new Option("--namespace <name>", "the backbone's namespace in it").env("NAMESPACE");
  if (namespace === undefined) namespaceOption.makeOptionMandatory();
  else namespaceOption.default(namespace);
  const all = [
    new Option("--redis <url>", "redis://, rediss:// or unix:// URL").env("REDIS_URL").default(undefined, defaultUrl),
    new Option("--cluster <urls>", "or some nodes of a cluster, with commas between").env("REDIS_CLUSTER"),
    new Option("--sentinels <urls>", "or Sentinels, with commas between").env("REDIS_SENTINELS"),
    new Option("--sentinel-name <name>", "and their name for the primary").env("REDIS_SENTINEL_NAME"),
    namespaceOption,
    new Option("--concurrency <n>", "handlers at once").env("CONCURRENCY").argParser(positiveNumber),
    new Option("--takeover-after-ms <ms>", "silence after which another member's work is taken over")
      .env("TAKEOVER_AFTER_MS")
      .argParser(wholeNumber),
    new Option("--drain-timeout-ms <ms>", "longest time for finishing what was begun")
      .env("DRAIN_TIMEOUT_MS")
      .argParser(wholeNumber),
    new Option(
      "--partitions <n>",
      "partitions of a namespace that nothing has used yet; one that is used keeps its own",
    )
      .env("PARTITIONS")
      .argParser(positiveNumber),
    new Option("--confirm-replicas <n>", "replicas that must have a write before it is acknowledged")
      .env("CONFIRM_REPLICAS")
      .argParser(positiveNumber),
    new Option("--confirm-timeout-ms <ms>", "longest wait for them")
      .env("CONFIRM_TIMEOUT_MS")
      .default(1_000)
      .argParser(positiveNumber),
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
  const {
    redis,
    cluster,
    sentinels,
    sentinelName,
    namespace: chosen,
    healthHost,
    healthPort,
    concurrency,
    takeoverAfterMs,
    drainTimeoutMs,
    partitions,
    confirmReplicas,
    confirmTimeoutMs,
    ...own
  } = values;
  const maybe = defined({
    redis,
    cluster,
    sentinels,
    sentinelName,
    healthPort,
    concurrency,
    takeoverAfterMs,
    drainTimeoutMs,
    partitions,
    confirmReplicas,
  });
  const common = { namespace: chosen, healthHost, confirmTimeoutMs, ...maybe };
  // Commander has applied each option's default and parser.
  return { common: common as CommonOptions, options: own as O };
}

function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

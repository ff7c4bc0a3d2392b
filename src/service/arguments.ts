/** The command line and the environment of a component's process, and parsers for options of its own. */

import { Command, InvalidArgumentError, Option } from "commander";
import { usageLine } from "../model/safe-text.ts";

export { Option };

/** The exit code of a process that was called wrongly. */
export const usageExitCode = 2;

/** The part of a process's definition that determines its command line. */
interface Program {
  readonly name: string;
  readonly description: string;
  readonly namespace?: string;
  readonly options?: readonly Option[];
}

export interface CommonOptions {
  readonly redis: string;
  readonly namespace: string;
  readonly healthHost: string;
  /** The port of the health endpoint; without it there is none. */
  readonly healthPort?: number;
  readonly concurrency?: number;
  readonly claimAfterMs?: number;
  readonly drainTimeoutMs?: number;
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
    new Option("--redis <url>", "redis://, rediss:// or unix:// URL")
      .env("REDIS_URL")
      .default("redis://127.0.0.1:6379"),
    namespaceOption,
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
  const {
    redis,
    namespace: chosen,
    healthHost,
    healthPort,
    concurrency,
    claimAfterMs,
    drainTimeoutMs,
    ...own
  } = values;
  const maybe = defined({ healthPort, concurrency, claimAfterMs, drainTimeoutMs });
  const common = { redis, namespace: chosen, healthHost, ...maybe };
  // Commander has applied each option's default and parser.
  return { common: common as CommonOptions, options: own as O };
}

/** Parses an option's whole number from 0. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0.");
  return Number(text);
}

/** Parses an option's whole number from 1. */
export function positiveNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

/** Parses an option's port; 0 stands for a free one. */
export function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new InvalidArgumentError("It must be a port, 0 to 65535.");
}

/** Parses an option's names and addresses, separated by commas. Their user checks each of them. */
export function hostList(text: string): readonly string[] {
  return text.split(",").flatMap((host) => host.trim() || []);
}

/** Parses an option's share from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("It must be from 0 to 1.");
  return value;
}

function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/**
 * Common parts of the commands: options, opening a namespace, positions in the log, Ctrl-C. Kept light, as each
 * command loads it.
 */

import { type Command, InvalidArgumentError } from "commander";
import type { ObserverOptions } from "../composition/observer.ts";
import { tlsFromEnv } from "../composition/tls-files.ts";
import { ConfigError } from "../model/errors.ts";
import { type ServersGiven, serversGiven } from "../model/servers-given.ts";
import type { Log } from "../ports/log.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { say } from "./output.ts";
import { surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

export interface CommonOptions extends ServersGiven {
  readonly namespace: string;
  readonly json?: true;
}

/** Opens a part of the backbone with the common options. Ends the process with one line when they cannot be used. */
export function openFor<T>(
  command: Command,
  open: (options: ObserverOptions) => T,
  namespace: string = command.optsWithGlobals<CommonOptions>().namespace,
): T {
  const given = command.optsWithGlobals<CommonOptions>();
  try {
    return open({ ...serversGiven(given), tls: tlsFromEnv(surroundings().env), namespace, log: stderrLog });
  } catch (error) {
    if (error instanceof ConfigError) command.error(`error: ${error.message}`, { exitCode: usageExitCode });
    throw error;
  }
}

/** The namespace that was given. @throws {UsageError} where neither the command line nor the environment names one */
export function namespaceGiven(namespace: string | undefined): string {
  if (namespace !== undefined) return namespace;
  throw new UsageError("which namespace? Give --from-namespace NAME, or set NAMESPACE");
}

/**
 * Parses a position: an entry id, or a time in the form of the message below, as epoch ms, which stands for the first
 * entry of that millisecond.
 */
export function parsePosition(text: string): string {
  if (/^\d+(-\d+)?$/.test(text)) return text;
  const [, amount, unit] = /^-(\d+)(s|m|h|d)$/.exec(text) ?? [];
  const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ""];
  if (unitMs !== undefined) return String(Math.max(0, Date.now() - Number(amount) * unitMs));
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time) || time < 0) {
    throw new InvalidArgumentError("It must be an entry id, a time such as 2026-11-23T09:30Z, or -5m (s, m, h, d).");
  }
  return String(time);
}

/** A log on standard error: standard output is for results. */
export const stderrLog: Log = {
  debug: () => undefined,
  info: (_fields, text) => say(text),
  warn: (fields, text) => {
    const reason = "reason" in fields ? String(fields.reason) : "";
    say(text.includes(reason) ? text : `${text}: ${reason}`);
  },
  error: (_fields, text) => say(text),
};

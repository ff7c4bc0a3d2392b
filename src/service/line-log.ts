/** The log of a process without telemetry: a line of JSON for each entry, on standard error. */

import { escaped } from "../model/safe-text.ts";
import type { Log } from "../ports/log.ts";

const levels = ["debug", "info", "warn", "error", "silent"] as const;

/** Makes the log. `LOG_LEVEL` sets the least level that is written; an unknown one is reported and taken as `info`. */
export function createLineLog(service: string, env: Readonly<Record<string, string | undefined>>): Log {
  const wanted = env["LOG_LEVEL"]?.trim().toLowerCase() || "info";
  const least = (levels as readonly string[]).indexOf(wanted);
  const writer =
    (level: (typeof levels)[number]): Log["info"] =>
    (fields, text) => {
      if (levels.indexOf(level) < (least === -1 ? 1 : least)) return;
      const entry = { level, time: new Date().toISOString(), service, pid: process.pid, ...fields, msg: text };
      process.stderr.write(`${escaped(JSON.stringify(entry, (_key, value: unknown) => plain(value)))}\n`);
    };
  const log: Log = { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
  if (least === -1) log.warn({ wanted }, `LOG_LEVEL is no level; it is one of ${levels.join(", ")}`);
  return log;
}

/** Makes a field fit for JSON: an error's own fields are not enumerable, and JSON has no big integers. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { ...value, type: name, message, stack, ...(cause === undefined ? {} : { cause }) };
}

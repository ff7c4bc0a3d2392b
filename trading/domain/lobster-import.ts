/** Parses the lines of a LOBSTER message file as client orders and their cancels with their times, to be imported. */

import { basename } from "node:path";
import { clientCancelEventId, clientOrderEventId } from "./channels.ts";
import { lobsterReader } from "./lobster.ts";
import { symbolOf } from "./order-file.ts";
import type { ClientRequest } from "./payloads.ts";

export type LobsterLine =
  | { readonly payload: ClientRequest; readonly at: number; readonly time?: number; readonly eventId: string }
  | { readonly left: string }
  | { readonly invalid: string };

/**
 * Makes the parser of one file. A line's time is in seconds after midnight, of the day in the file's name.
 * @throws {ConfigError} when no symbol is given, and the file's name begins with none
 */
export function lobsterLine(path: string, symbol?: string): (text: string) => LobsterLine {
  const read = lobsterReader(symbol ?? symbolOf(path));
  const day = /\d{4}-\d{2}-\d{2}/.exec(basename(path))?.[0];
  const midnight = day === undefined ? Number.NaN : Date.parse(day);
  return (text) => {
    const [, seconds = "", type] = /^\s*(\d{1,6}(?:\.\d+)?)\s*,\s*(\d)\s*,/.exec(text) ?? [];
    const parsed = read(text);
    if ("skipped" in parsed) return isOtherEvent(type) ? { left: parsed.skipped } : { invalid: parsed.skipped };
    if (seconds === "") return { invalid: "the line does not begin with a time" };
    const afterMidnight = Number(seconds) * 1_000;
    const request =
      "cancel" in parsed
        ? { payload: parsed.cancel, eventId: clientCancelEventId(parsed.cancel) }
        : { payload: parsed.order, eventId: clientOrderEventId(parsed.order) };
    if (Number.isNaN(midnight)) return { ...request, at: afterMidnight };
    const at = midnight + afterMidnight;
    return { ...request, at, time: Math.floor(at) };
  };
}

/** True for a market event that no client's request is: partial cancellations, executions, halts. */
function isOtherEvent(type: string | undefined): boolean {
  return type !== undefined && /^[24-7]$/.test(type);
}

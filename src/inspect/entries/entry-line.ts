/** An entry as one line for people. */

import { shown } from "../../model/safe-text.ts";
import { timeText } from "../text/format.ts";
import { type EntryJson, entryJson } from "./entry-json.ts";
import type { LogEntry } from "./log-reader.ts";

const shortIdLength = 13;

/** Writes the time of the append, entry id, key, the start of the event id, baggage and payload. About `width` characters at most. */
export function renderEntry(entry: LogEntry, width: number): string {
  const json = entryJson(entry);
  const parts = [timeText(json.appendedAt), json.entryId];
  if ("problem" in json) parts.push(`UNREADABLE ${shown(json.problem, 200)}`);
  else {
    parts.push(shown(json.key, 40) || "-", shown(json.id, shortIdLength));
    const baggage = Object.entries(json.baggage).map(([name, value]) => `${name}=${value}`);
    if (baggage.length > 0) parts.push(shown(baggage.join(" "), 120));
    const extra = Object.entries(json.extra ?? {}).filter(([, value]) => value !== "");
    if (extra.length > 0) parts.push(shown(extra.map(([name, value]) => `${name}=${value}`).join(" "), 400));
  }
  const start = parts.join("  ");
  return `${start}  ${shown(payloadText(entry, json), Math.max(40, width - start.length - 2))}`;
}

/** The payload as it was written; for an entry that is no event, its fields. */
export function payloadText(entry: LogEntry, json: EntryJson): string {
  if ("problem" in json) return JSON.stringify(json.fields);
  return entry.envelope?.payload ?? "";
}

/** Entries as lists have them: a long payload is cut, and the entry by itself has all of it. */

import { type EntryJson, entryJson, type LogEntry } from "../../index.ts";
import type { ListedEntry } from "../shapes.ts";

/** Longest payload in a list, characters. */
const longest = 2_000;

export function listed(entry: LogEntry): ListedEntry {
  const json = entryJson(entry);
  if ("problem" in json) {
    const size = entry.fields.reduce((sum, field) => sum + field.length, 0);
    if (size <= longest) return json;
    const fields = Object.entries(json.fields).map(([name, value]) => [name.slice(0, 200), value.slice(0, 200)]);
    return { ...json, fields: Object.fromEntries(fields.slice(0, 20)), more: true };
  }
  const text = entry.envelope?.payload ?? "";
  return text.length <= longest ? json : cut(json, text);
}

/** The same for an event that was decoded already. */
export function cutEvent(event: EntryJson): ListedEntry {
  if ("problem" in event) return event;
  const text = event.payloadText ?? JSON.stringify(event.payload) ?? "";
  return text.length <= longest ? event : cut(event, text);
}

function cut(event: Exclude<EntryJson, { readonly problem: string }>, text: string): ListedEntry {
  const { payload: _, ...others } = event;
  return { ...others, payloadText: text.slice(0, longest), more: true };
}

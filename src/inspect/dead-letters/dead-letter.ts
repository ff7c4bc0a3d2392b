/** A dead letter as it is read: the failed event, and the report of its failure. */

import { timeOf } from "../../model/envelope.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { LogStream } from "../../ports/inspect.ts";
import { type EntryJson, entryJson, eventIdOf } from "../entries/entry-json.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";

/** An event that a component gave up, with the reason. Times are epoch ms. */
export interface DeadLetter {
  /** The letter's own entry id among the dead letters of its channel and component. */
  readonly id: string;
  readonly channel: string;
  readonly component: string;
  readonly partition: number;
  /** The failed entry's id; empty where the letter was written by hand and names none. */
  readonly entryId: string;
  /** The code of a `ThroughlineError` or a system error, or else the error's name. */
  readonly code: string;
  readonly error: string;
  readonly attempts: number;
  /** Time at which the event first needed another attempt, epoch ms on the server's clock. */
  readonly firstAt: number;
  readonly diedAt: number;
  /** Traceparent of the span that failed last; empty where nothing was traced. */
  readonly traceparent: string;
  /** Number of the event's fields that were left out because the event had too many. */
  readonly fieldsCut: number;
  /** The event as it was appended. */
  readonly entry: LogEntry;
}

/** Plain JSON, the same as `throughline dead --json` prints. */
export interface DeadLetterJson extends Omit<DeadLetter, "entry"> {
  readonly event: EntryJson;
}

/** Reads a letter. `stream` is the stream that the letter was read from. */
export function toDeadLetter(stored: StoredEntry, { channel, partition, deadOf = "" }: LogStream): DeadLetter {
  const { fields, obituary } = divide(stored.fields);
  const diedAt = Number(obituary.get("dead-at") ?? timeOf(stored.entryId));
  const [entryId = ""] = /^\d+-\d+$/.exec(obituary.get("dead-entry") ?? "") ?? [];
  return {
    id: stored.entryId,
    channel,
    component: deadOf,
    partition,
    entryId,
    code: obituary.get("dead-code") ?? "",
    error: obituary.get("dead-error") ?? "",
    attempts: Number(obituary.get("dead-attempts") ?? 0),
    firstAt: Number(obituary.get("dead-first") ?? diedAt),
    diedAt,
    traceparent: obituary.get("dead-traceparent") ?? "",
    fieldsCut: Number(obituary.get("dead-fields-cut") ?? 0),
    entry: toLogEntry({ channel, entryId: entryId === "" ? stored.entryId : entryId, fields }, partition),
  };
}

/** Gives the letter as plain JSON, with its event decoded. */
export function deadLetterJson({ entry, ...letter }: DeadLetter): DeadLetterJson {
  return { ...letter, event: entryJson(entry) };
}

/**
 * Tells whether an operator's ids name the letter: its own id, the failed entry's `<channel>/<entry id>`, or the event's id. The failed
 * entry's id alone does not count, because another letter may have the same one.
 */
export function isKnownAs(letter: DeadLetter, ids: ReadonlySet<string>): boolean {
  const { id, channel, entryId, entry } = letter;
  return ids.has(id) || ids.has(`${channel}/${entryId}`) || ids.has(eventIdOf(entry));
}

/** Characters of the event's fields. */
export function sizeOf({ entry }: DeadLetter): number {
  return entry.fields.reduce((sum, field) => sum + field.length, 0);
}

const obituaryNames: ReadonlySet<string> = new Set([
  "dead-channel",
  "dead-entry",
  "dead-component",
  "dead-code",
  "dead-error",
  "dead-attempts",
  "dead-first",
  "dead-at",
  "dead-traceparent",
  "dead-fields-cut",
]);

/** Separates the event's fields from the failure report at the end; a field of the same name before the report is the event's own. */
function divide(all: readonly string[]): { fields: readonly string[]; obituary: ReadonlyMap<string, string> } {
  const obituary = new Map<string, string>();
  let end = all.length - (all.length % 2);
  for (; end >= 2; end -= 2) {
    const [name = "", value = ""] = all.slice(end - 2, end);
    if (!obituaryNames.has(name) || obituary.has(name)) break;
    obituary.set(name, value);
  }
  return { fields: all.slice(0, end), obituary };
}

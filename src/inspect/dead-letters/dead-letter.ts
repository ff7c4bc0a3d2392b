/** A dead letter as it is read: the event that died, and its obituary. */

import { timeOf } from "../../model/envelope.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { LogStream } from "../../ports/inspect.ts";
import { type EntryJson, entryJson, eventIdOf } from "../entries/entry-json.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";

export interface DeadLetter {
  /** Its own entry id among the dead letters of its channel and component. */
  readonly id: string;
  readonly channel: string;
  readonly component: string;
  readonly partition: number;
  /** The entry that died; empty where the letter was written by hand and names none. */
  readonly entryId: string;
  /** A `ThroughlineError`'s code, a system error's, or the error's name. */
  readonly code: string;
  readonly error: string;
  readonly attempts: number;
  /** When it first needed another attempt, epoch ms on the server's clock. */
  readonly firstAt: number;
  readonly diedAt: number;
  /** The span that failed last; empty where nothing was traced. */
  readonly traceparent: string;
  /** Fields of the event that were left out because it had too many. */
  readonly fieldsCut: number;
  /** The event as it was appended. */
  readonly entry: LogEntry;
}

/** Plain JSON, the same as `throughline dead --json` prints. */
export interface DeadLetterJson extends Omit<DeadLetter, "entry"> {
  readonly event: EntryJson;
}

/** `stream` is the one that the letter was read from. */
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

export function deadLetterJson({ entry, ...letter }: DeadLetter): DeadLetterJson {
  return { ...letter, event: entryJson(entry) };
}

/**
 * What a letter is asked for by: its own id, the place of the entry that died, or the event's id. Not by an entry id alone: another letter
 * may have the same one.
 */
export function isKnownAs(letter: DeadLetter, ids: ReadonlySet<string>): boolean {
  const { id, channel, entryId, entry } = letter;
  return ids.has(id) || ids.has(`${channel}/${entryId}`) || ids.has(eventIdOf(entry));
}

/** Characters of the event. */
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

/** The obituary stands at the end: a field of such a name before it is the event's own. */
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

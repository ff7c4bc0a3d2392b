/** An entry as plain JSON: the one shape in which the command line prints entries. */

import { parsePayload, timeOf, wireFields } from "../../model/envelope.ts";
import { EnvelopeError } from "../../model/errors.ts";
import type { Cause } from "../../model/event.ts";
import type { LogEntry } from "./log-reader.ts";

/** The location of an entry, readable or not. Times are epoch ms. */
interface EntryLocation {
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
  /** Time at which Redis appended the entry. */
  readonly appendedAt: number;
}

/** An event. `payloadText` replaces a `payload` that is no JSON, or JSON that no channel would accept. */
export interface EventJson extends EntryLocation {
  readonly id: string;
  /** Time at which the event happened, on its producer's clock. */
  readonly time: number;
  readonly key: string;
  readonly payload?: unknown;
  readonly payloadText?: string;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: Readonly<Record<string, string>>;
  /** The version of the payload; absent where it is 1. */
  readonly version?: number;
  readonly causes: readonly Cause[];
  /** Fields beyond the wire format's, such as those of a dead letter; absent where there are none. */
  readonly extra?: Readonly<Record<string, string>>;
}

/** An entry that is no event, with the reason and its fields as they were written. */
export interface UnreadableJson extends EntryLocation {
  readonly id: string;
  readonly problem: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** An entry, readable or not. */
export type EntryJson = EventJson | UnreadableJson;

/** Gives an entry as plain JSON, with its payload parsed. Does not throw. */
export function entryJson(entry: LogEntry): EntryJson {
  const { channel, partition, entryId, envelope, problem } = entry;
  const location = { channel, partition, entryId, appendedAt: timeOf(entryId) };
  if (problem !== undefined) return { ...location, id: eventIdOf(entry), problem, fields: fieldsOf(entry, () => true) };
  const extra = fieldsOf(entry, (name) => !(wireFields as readonly string[]).includes(name));
  return {
    ...location,
    id: envelope.id,
    time: envelope.time,
    key: envelope.key,
    ...payloadOf(entry),
    traceparent: envelope.traceparent,
    tracestate: envelope.tracestate,
    baggage: Object.fromEntries(baggageOf(envelope.baggage)),
    ...(envelope.version === 1 ? {} : { version: envelope.version }),
    causes: envelope.causes,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** The event's id; for an entry that is no event, `<channel>/<entry id>`. */
export function eventIdOf(entry: LogEntry): string {
  return entry.envelope?.id ?? `${entry.channel}/${entry.entryId}`;
}

/** Reads a baggage header; malformed members are left out. @see https://www.w3.org/TR/baggage/ */
export function baggageOf(header: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  for (const member of header.slice(0, maxBaggageLength).split(",")) {
    const [pair = ""] = member.split(";", 1);
    const equals = pair.indexOf("=");
    if (equals < 1) continue;
    try {
      const name = pair.slice(0, equals).trim(); // a token, which has no escapes
      const value = decodeURIComponent(pair.slice(equals + 1).trim());
      // A list that is too long for one value continues under the same key.
      const before = members.get(name);
      members.set(name, before === undefined ? value : `${before}|${value}`);
    } catch {
      // A malformed percent escape: no W3C propagator wrote it.
    }
  }
  return members;
}

/** Longest baggage header that is read, characters: a publish allows less, but an entry written by hand has no limit. */
const maxBaggageLength = 8_192;
/** Deepest nesting that is printed, levels: more than channels allow in practice; still deeper JSON would overflow the stack. */
export const maxShownNesting = 512;

function payloadOf(entry: LogEntry): { payload: unknown } | { payloadText: string } {
  if (entry.envelope === undefined) return { payloadText: "" };
  try {
    return { payload: parsePayload(entry.envelope, Number.MAX_SAFE_INTEGER, maxShownNesting) };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return { payloadText: entry.envelope.payload };
  }
}

function fieldsOf(entry: LogEntry, wanted: (name: string) => boolean): Readonly<Record<string, string>> {
  const { fields } = entry;
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name = "", value = ""] = fields.slice(i, i + 2);
    if (wanted(name)) pairs.push([name, value]);
  }
  return Object.fromEntries(pairs);
}

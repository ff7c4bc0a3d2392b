/** The query of `journey`: one event by its id, or events by an attribute. */

import type { StoredEntry } from "../../model/stored-entry.ts";
import { baggageOf, entryJson, eventIdOf } from "../entries/entry-json.ts";
import type { LogEntry } from "../entries/log-reader.ts";

/** `name=value`, where the name is anything that can be a key of baggage. */
const attribute = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(.*)$/s;

/** True for text that asks for an attribute or a field of the payload, not for an event id. */
export function namesAttribute(text: string): boolean {
  return attribute.test(text);
}

/** A parsed query. */
export interface EventQuery {
  readonly text: string;
  /** The event id of the query; undefined for a query by attribute. */
  readonly eventId: string | undefined;
  /** A test of an entry as it is stored, which costs little: false only where `matches` would be false. */
  readonly mayMatch: (stored: StoredEntry) => boolean;
  readonly matches: (entry: LogEntry) => boolean;
}

/**
 * Parses a query: `name=value` for a baggage member, `payload.<path>=value` for a field of the payload, `trace=…` for all events of a trace,
 * and anything else for an event id, for the 32 digits of a trace id, or for an entry, `<channel>/<entry id>`. An event id that itself looks
 * like an attribute is written `id=…`.
 */
export function parseQuery(text: string): EventQuery {
  const [, name, value] = attribute.exec(text) ?? [];
  if (name === undefined || value === undefined) return isTraceId(text) ? byTrace(text, text) : byEventId(text, text);
  if (name === "id") return byEventId(text, value);
  if (name === "trace") return byTrace(text, value);
  if (name.startsWith("payload.")) return byPayload(text, name.slice("payload.".length).split("."), value);
  return byBaggage(text, name, value);
}

function isTraceId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** Events of a trace; 32 digits may also be somebody's event id. */
function byTrace(text: string, traceId: string): EventQuery {
  return {
    text,
    eventId: undefined,
    mayMatch: (stored) =>
      hasField(stored, "traceparent", (value) => value.includes(traceId)) ||
      hasField(stored, "id", (value) => value === text),
    matches: (entry) =>
      entry.envelope?.traceparent.includes(`-${traceId}-`) === true || (text === traceId && eventIdOf(entry) === text),
  };
}

/** Tells whether a field of the entry has this name and a value that passes. */
function hasField({ fields }: StoredEntry, name: string, passes: (value: string) => boolean): boolean {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i] === name && passes(fields[i + 1] as string)) return true;
  }
  return false;
}

function byEventId(text: string, eventId: string): EventQuery {
  // An event without an id is called by its entry.
  const isEntry = /^.+\/\d+-\d+$/.test(eventId) ? eventId.slice(eventId.lastIndexOf("/") + 1) : undefined;
  return {
    text,
    eventId,
    mayMatch: (stored) => stored.entryId === isEntry || hasField(stored, "id", (id) => id === eventId),
    matches: (entry) => eventIdOf(entry) === eventId || `${entry.channel}/${entry.entryId}` === eventId,
  };
}

function byBaggage(text: string, name: string, value: string): EventQuery {
  return {
    text,
    eventId: undefined,
    // The value may be written with escapes, or be a list that goes on in another member.
    mayMatch: (stored) =>
      hasField(stored, "baggage", (list) => list.includes(value) || list.includes("%") || value.includes("|")),
    matches: ({ envelope }) => {
      // This test rejects most entries cheaply; a name needs no escaping.
      if (envelope === undefined || !envelope.baggage.includes(name)) return false;
      const found = baggageOf(envelope.baggage).get(name);
      // The baggage of an event that concerns several orders or users lists all of them, separated by `|`.
      return found !== undefined && (found === value || found.split("|").includes(value));
    },
  };
}

function byPayload(text: string, path: readonly string[], value: string): EventQuery {
  return {
    text,
    eventId: undefined,
    mayMatch: (stored) => hasField(stored, "payload", (json) => json.includes(value) || json.includes("\\")),
    matches: (entry) => {
      const payload = entry.envelope?.payload;
      // A value without escapes appears in the JSON text as it is, so most payloads need no parsing.
      if (payload === undefined || (!payload.includes(value) && !payload.includes("\\"))) return false;
      const json = entryJson(entry);
      let at: unknown = "payload" in json ? json.payload : undefined;
      for (const name of path) {
        if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return false;
        at = (at as Readonly<Record<string, unknown>>)[name];
      }
      return typeof at !== "object" && String(at) === value;
    },
  };
}

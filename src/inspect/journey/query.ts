/** The query of `journey`: one event by its id, or events by an attribute. */

import { baggageOf, entryJson, eventIdOf } from "../entries/entry-json.ts";
import type { LogEntry } from "../entries/log-reader.ts";

/** A parsed query. */
/** `name=value`, where the name is anything that can be a key of baggage. */
const attribute = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(.*)$/s;

/** True for text that asks for an attribute or a field of the payload, not for an event id. */
export function namesAttribute(text: string): boolean {
  return attribute.test(text);
}

export interface EventQuery {
  readonly text: string;
  /** The event id of the query; undefined for a query by attribute. */
  readonly eventId: string | undefined;
  readonly matches: (entry: LogEntry) => boolean;
}

/**
 * Parses a query: `name=value` for a baggage member, `payload.<path>=value` for a field of the payload, and anything else for an event id
 * or an entry, `<channel>/<entry id>`. An event id that itself looks like an attribute is written `id=…`.
 */
export function parseQuery(text: string): EventQuery {
  const [, name, value] = attribute.exec(text) ?? [];
  if (name === undefined || value === undefined) return byEventId(text, text);
  if (name === "id") return byEventId(text, value);
  if (name.startsWith("payload.")) return byPayload(text, name.slice("payload.".length).split("."), value);
  return byBaggage(text, name, value);
}

function byEventId(text: string, eventId: string): EventQuery {
  return {
    text,
    eventId,
    matches: (entry) => eventIdOf(entry) === eventId || `${entry.channel}/${entry.entryId}` === eventId,
  };
}

function byBaggage(text: string, name: string, value: string): EventQuery {
  return {
    text,
    eventId: undefined,
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

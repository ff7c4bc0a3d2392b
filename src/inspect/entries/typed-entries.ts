/** Reads a channel's entries with its schema: a payload as a handler would get it, or why none would. */

import type { Channel } from "../../model/channel.ts";
import type { Envelope } from "../../model/envelope.ts";
import { readPayload } from "../../model/payload-reading.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector } from "../../ports/inspect.ts";
import { parseQuery } from "../journey/query.ts";
import { type LogEntry, type ReadRange, readEntries } from "./log-reader.ts";

/**
 * An entry of a channel whose definition is known. `problem` says why it has no payload: it is no readable event, or its payload is none
 * that the channel accepts; `envelope` is there where the entry is an event all the same.
 */
export type TypedEntry<P> = StoredEntry & { readonly partition: number } & (
    | { readonly payload: P; readonly envelope: Envelope; readonly problem?: undefined }
    | { readonly payload?: undefined; readonly envelope?: Envelope; readonly problem: string }
  );

/** Reads a channel in log order: by its name as text, by its definition with payloads as its schema gives them. */
export interface ReadChannel {
  (channel: string, range?: ReadRange): AsyncIterable<LogEntry>;
  <P>(channel: Channel<P>, range?: ReadRange): AsyncIterable<TypedEntry<P>>;
}

/** Makes the reader of a namespace. */
export function channelReader(inspector: Inspector): ReadChannel {
  function read(channel: string, range?: ReadRange): AsyncIterable<LogEntry>;
  function read<P>(channel: Channel<P>, range?: ReadRange): AsyncIterable<TypedEntry<P>>;
  function read<P>(channel: string | Channel<P>, range?: ReadRange): AsyncIterable<LogEntry | TypedEntry<P>> {
    const tests = (range?.where ?? []).map(parseQuery);
    if (typeof channel === "string") return readEntries(inspector, channel, range, tests);
    return typedEntries(channel, readEntries(inspector, channel.name, range, tests));
  }
  return read;
}

/** Never throws because of an entry: what cannot be read has a `problem`. @throws {StoreError} */
async function* typedEntries<P>(
  channel: Channel<P>,
  entries: AsyncIterable<LogEntry>,
): AsyncGenerator<TypedEntry<P>, void, undefined> {
  for await (const entry of entries) yield await typed(channel, entry);
}

async function typed<P>(channel: Channel<P>, entry: LogEntry): Promise<TypedEntry<P>> {
  const { envelope, problem, ...place } = entry;
  if (envelope === undefined) return { ...place, problem: problem ?? "it is no event" };
  try {
    return { ...place, envelope, payload: await readPayload(channel, envelope) };
  } catch (error) {
    return { ...place, envelope, problem: error instanceof Error ? error.message : String(error) };
  }
}

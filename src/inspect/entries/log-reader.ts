/** Reads a channel in log order: a range, page by page, and then, on request, new entries as they are appended. */

import { compareIds, idBefore } from "../../model/entry-ids.ts";
import { decodeEntry, type Envelope } from "../../model/envelope.ts";
import { EnvelopeError } from "../../model/errors.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector, LogStream } from "../../ports/inspect.ts";
import { mergedPages } from "./stream-merge.ts";

/** The range and order of a read. */
export interface ReadRange {
  /** First entry id, included; `(` before the id excludes it. A time in epoch ms is accepted too. Default: the oldest entry. */
  readonly from?: string;
  /** Last entry id, included. Not allowed with `follow`. Default: the newest entry. */
  readonly to?: string;
  /** Default: all partitions, merged by entry id. */
  readonly partition?: number;
  /** Newest first. Not allowed with `follow`. */
  readonly reverse?: boolean;
  /** Only entries that match all of these queries, as `journey` and `search` take them: `payment.id=p-17`, `payload.account=acme`. */
  readonly where?: readonly string[];
  /** Most entries, after which the read ends. */
  readonly limit?: number;
  /** Continues with new entries as they are appended, across reconnects, until `signal` aborts. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** An entry of the log; one that is no readable event has a `problem` in place of an envelope. */
export type LogEntry = StoredEntry & { readonly partition: number } & (
    | { readonly envelope: Envelope; readonly problem?: undefined }
    | { readonly envelope?: undefined; readonly problem: string }
  );

/** Decodes an entry without throwing. */
export function toLogEntry(entry: StoredEntry, partition: number): LogEntry {
  const { channel, entryId, fields } = entry;
  try {
    return { channel, partition, entryId, fields, envelope: decodeEntry(entry) };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return { channel, partition, entryId, fields, problem: error.message };
  }
}

/** A test that wanted entries pass; `mayMatch` is false only where `matches` would be. */
export interface EntryTest {
  readonly mayMatch: (stored: StoredEntry) => boolean;
  readonly matches: (entry: LogEntry) => boolean;
}

/** Reads entries in bounded memory, a page at a time: those that pass the tests, which `where` of the range stands for. Ends without an error when `signal` aborts. @throws {StoreError} */
export async function* readEntries(
  inspector: Inspector,
  channel: string,
  range: ReadRange = {},
  tests: readonly EntryTest[] = [],
): AsyncGenerator<LogEntry, void, undefined> {
  const { signal, limit = Number.POSITIVE_INFINITY } = range;
  const streams = await streamsOf(inspector, channel, range.partition);
  const lastIds = new Map(streams.map((stream) => [stream.partition, idBefore(range.from ?? "-")]));
  if (limit <= 0) return;
  let count = 0;
  const pages = mergedPages(inspector, streams, {
    from: range.from ?? "-",
    to: range.to ?? "+",
    reverse: range.reverse === true,
    ...(tests.length === 0 ? { max: limit } : {}),
  });
  for await (const { entry, stream } of pages) {
    if (isAborted(signal)) return;
    lastIds.set(stream.partition, entry.entryId);
    if (!tests.every((test) => test.mayMatch(entry))) continue;
    const logEntry = toLogEntry(entry, stream.partition);
    if (!tests.every((test) => test.matches(logEntry))) continue;
    yield logEntry;
    if (++count >= limit) return;
  }
  if (range.follow !== true || isAborted(signal)) return;

  const follower = inspector.openFollower();
  try {
    while (!isAborted(signal)) {
      const positions = streams.map((stream) => ({ stream, afterId: lastIds.get(stream.partition) ?? "0-0" }));
      const entries = await follower.next(positions, followPageSize, signal);
      for (const entry of entries.toSorted((a, b) => compareIds(a.entryId, b.entryId))) {
        if (isAborted(signal)) return;
        lastIds.set(entry.partition, entry.entryId);
        const logEntry = toLogEntry(entry, entry.partition);
        if (!tests.every((test) => test.matches(logEntry))) continue;
        yield logEntry;
        if (++count >= limit) return;
      }
    }
  } finally {
    follower.close();
  }
}

// A function, because the compiler's flow analysis does not see that a signal can abort during an await.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

const followPageSize = 100;

async function streamsOf(
  inspector: Inspector,
  channel: string,
  partition: number | undefined,
): Promise<readonly LogStream[]> {
  if (partition !== undefined) return [{ channel, partition }];
  // A channel that was only written by hand may be in a namespace without a description: it has one partition.
  const partitions = (await inspector.catalogue())?.partitions ?? 1;
  return Array.from({ length: partitions }, (_, i) => ({ channel, partition: i }));
}

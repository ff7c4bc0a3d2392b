/** Searches the whole log for events, the newest first: by windows of time, each read forward, which is several times as fast as backward. */

import { compareIds } from "../../model/entry-ids.ts";
import { timeOf } from "../../model/envelope.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector, LogStream } from "../../ports/inspect.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";
import { nextSize } from "../entries/stream-merge.ts";
import { type EventQuery, parseQuery } from "../journey/query.ts";
import { unused } from "../status/status.ts";

/** The progress of a search. */
export interface SearchProgress {
  /** Number of entries that were read. */
  readonly entries: number;
  /** Number of entries that the log had when the search began. */
  readonly total: number;
  /** Everything that was appended since then has been read, epoch ms. */
  readonly backTo: number;
}

/** The bounds of a search. */
export interface SearchOptions {
  /** Only these channels. Default: all. */
  readonly channels?: readonly string[];
  /** Earliest append, epoch ms. Default: the oldest entry. */
  readonly fromMs?: number;
  /** Latest append, epoch ms. Default: the newest entry. */
  readonly toMs?: number;
  /** Most events that are found, after which the search ends. Default: no limit. */
  readonly limit?: number;
  /** Told about five times a second. */
  readonly onProgress?: (progress: SearchProgress) => void;
  /** Ends the search without an error. */
  readonly signal?: AbortSignal;
}

/** Number of entries that a window should have: read in about a tenth of a second. */
const entriesOfWindow = 20_000;
/** A busy log has some tens of thousands of entries a second: its first hits are not to wait for all of them. */
const firstWindowMs = 200;
/** A window is left in the middle of a page, so that longer pages would be read in vain. */
const pageSize = 500;

/**
 * Searches for what `journey` takes as a query. Memory: the entries found in one window, and one page.
 * @throws {ConfigError} when the namespace has not been used. @throws {StoreError}
 */
export async function* searchLog(
  inspector: Inspector,
  text: string,
  options: SearchOptions = {},
): AsyncGenerator<LogEntry, void, undefined> {
  const { signal, onProgress = () => undefined, limit = Number.POSITIVE_INFINITY } = options;
  const catalogue = await inspector.catalogue();
  if (catalogue === undefined) throw unused(inspector.namespace);
  const { channels = catalogue.channels } = options;
  const partitions = Array.from({ length: catalogue.partitions }, (_, i) => i);
  const streams = channels.flatMap((channel) => partitions.map((partition) => ({ channel, partition })));
  const query = parseQuery(text);
  const extent = await extentOf(inspector, streams);
  const oldestMs = Math.max(extent.oldestMs, options.fromMs ?? 0);
  let toMs = Math.min(extent.newestMs, options.toMs ?? Number.POSITIVE_INFINITY);
  let windowMs = firstWindowMs;
  let [read, found] = [0, 0];
  let toldAt = 0;
  let backTo = toMs + 1;
  const open = (): SearchWindow | undefined => {
    if (toMs < oldestMs) return undefined;
    const [fromMs, lastMs] = [Math.max(oldestMs, toMs - windowMs + 1), toMs];
    toMs = fromMs - 1;
    const range = { from: String(fromMs), to: String(lastMs) };
    const parts = Promise.all(streams.map((stream) => readWindow(inspector, stream, range, query, signal)));
    parts.catch(() => undefined); // thrown where it is awaited; a search that ends early awaits no more
    return { fromMs, lengthMs: lastMs - fromMs + 1, parts };
  };
  let current = open();
  while (current !== undefined && found < limit) {
    const parts = await current.parts;
    const count = parts.reduce((sum, one) => sum + one.read, 0);
    const factor = Math.min(16, Math.max(1 / 16, entriesOfWindow / Math.max(1, count)));
    windowMs = Math.max(1, Math.round(current.lengthMs * factor));
    // Not before: the pages of two windows would take turns, and the first hit would wait for both. It is read while this one's hits are taken.
    const next = open();
    if (isAborted(signal)) return;
    read += count;
    backTo = current.fromMs;
    for (const entry of parts.flatMap((one) => one.found).sort((a, b) => compareIds(b.entryId, a.entryId))) {
      yield entry;
      if (++found >= limit || isAborted(signal)) break;
    }
    if (performance.now() - toldAt > 200) {
      toldAt = performance.now();
      onProgress({ entries: read, total: Math.max(read, extent.entries), backTo });
    }
    current = next;
  }
  onProgress({ entries: read, total: Math.max(read, extent.entries), backTo: Math.max(backTo, oldestMs) });
}

/** A stretch of time that is being read. */
interface SearchWindow {
  readonly fromMs: number;
  readonly lengthMs: number;
  readonly parts: Promise<readonly { readonly read: number; readonly found: readonly LogEntry[] }[]>;
}

interface Extent {
  readonly oldestMs: number;
  readonly newestMs: number;
  readonly entries: number;
}

async function extentOf(inspector: Inspector, streams: readonly LogStream[]): Promise<Extent> {
  const whole = { from: "-", to: "+" };
  const ends = await Promise.all(
    streams.map(async (stream) => {
      const [[first], [last], counts] = await Promise.all([
        inspector.page(stream, { ...whole, reverse: false }, 1),
        inspector.page(stream, { ...whole, reverse: true }, 1),
        inspector.counts(stream),
      ]);
      return { first, last, entries: counts?.entries ?? 0 };
    }),
  );
  return ends.reduce<Extent>(
    ({ oldestMs, newestMs, entries }, { first, last, entries: more }) => ({
      oldestMs: Math.min(oldestMs, first === undefined ? oldestMs : timeOf(first.entryId)),
      newestMs: Math.max(newestMs, last === undefined ? newestMs : timeOf(last.entryId)),
      entries: entries + more,
    }),
    { oldestMs: Number.POSITIVE_INFINITY, newestMs: Number.NEGATIVE_INFINITY, entries: 0 },
  );
}

async function readWindow(
  inspector: Inspector,
  stream: LogStream,
  { from, to }: { readonly from: string; readonly to: string },
  { mayMatch, matches }: EventQuery,
  signal: AbortSignal | undefined,
): Promise<{ read: number; found: readonly LogEntry[] }> {
  const found: LogEntry[] = [];
  let read = 0;
  let size = 100;
  const ask = (next: string): Promise<readonly StoredEntry[]> => {
    const page = inspector.page(stream, { from: next, to, reverse: false }, size);
    page.catch(() => undefined); // thrown where it is awaited; an aborted search awaits no more
    return page;
  };
  let asked: Promise<readonly StoredEntry[]> | undefined = ask(from);
  while (asked !== undefined && !isAborted(signal)) {
    const page: readonly StoredEntry[] = await asked;
    const last = page.length < size ? undefined : page.at(-1);
    if (last === undefined) asked = undefined;
    else {
      // Redis makes the next page while this one is looked through.
      size = Math.min(pageSize, nextSize(page, size) * 2);
      asked = ask(`(${last.entryId}`);
    }
    for (const stored of page) {
      if (!mayMatch(stored)) continue;
      const entry = toLogEntry(stored, stream.partition);
      if (matches(entry)) found.push(entry);
    }
    read += page.length;
  }
  return { read, found };
}

// A function, because the compiler's flow analysis does not see that a signal can abort during an await.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

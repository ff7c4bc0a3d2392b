/** Merges several streams into one sequence in the order of entry ids, a page of each at a time. */

import { compareIds } from "../../model/entry-ids.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector, LogStream, PageRange } from "../../ports/inspect.ts";

/** A range of which only some entries may be wanted. */
export interface MergeRange extends PageRange {
  /** Most entries that the caller will take. */
  readonly max?: number;
}

/** An entry with the stream that it came from. */
export interface MergedEntry {
  readonly entry: StoredEntry;
  readonly stream: LogStream;
}

/** Merges the streams; entries of different streams within one millisecond come in no particular order. @throws {StoreError} */
export async function* mergedPages(
  inspector: Inspector,
  streams: readonly LogStream[],
  range: MergeRange,
): AsyncGenerator<MergedEntry, void, undefined> {
  for await (const run of mergedRuns(inspector, streams, range)) yield* run;
}

/** The same in runs, for whoever reads much: a step of an async generator costs more than the merge of an entry. A run ends where a page does. */
export async function* mergedRuns(
  inspector: Inspector,
  streams: readonly LogStream[],
  range: MergeRange,
): AsyncGenerator<readonly MergedEntry[], void, undefined> {
  const open: Cursor[] = streams.map((stream) => new Cursor(inspector, stream, range));
  await Promise.all(open.map((cursor) => cursor.fill()));
  const sign = range.reverse ? -1 : 1;
  let run: MergedEntry[] = [];
  for (;;) {
    let first: Cursor | undefined;
    for (const cursor of open) {
      if (cursor.head === undefined) continue;
      if (first?.head === undefined || sign * compareIds(cursor.head.entryId, first.head.entryId) < 0) first = cursor;
    }
    if (first?.head === undefined) break;
    run.push({ entry: first.head, stream: first.stream });
    if (first.advance()) continue;
    yield run;
    run = [];
    await first.fill();
  }
  if (run.length > 0) yield run;
}

const largestPage = 500;
/** Target size of a page, bytes, so that large payloads do not make a page too large to hold. */
const pageBytes = 1_048_576;

/** A cursor over one stream. It loads the next page while the caller takes entries of the current one. */
class Cursor {
  readonly stream: LogStream;
  readonly #inspector: Inspector;
  readonly #range: MergeRange;
  #page: readonly StoredEntry[] = [];
  #index = 0;
  #next: Promise<readonly StoredEntry[]> | undefined;
  #size = 16;

  constructor(inspector: Inspector, stream: LogStream, range: MergeRange) {
    this.stream = stream;
    this.#inspector = inspector;
    this.#range = range;
    this.#size = Math.max(1, Math.min(this.#size, range.max ?? this.#size));
    this.#next = this.#ask(range.from, range.to);
  }

  get head(): StoredEntry | undefined {
    return this.#page[this.#index];
  }

  /** Moves to the next entry; false when the current page is used up. */
  advance(): boolean {
    this.#index++;
    return this.#index < this.#page.length;
  }

  async fill(): Promise<void> {
    this.#page = (await this.#next) ?? [];
    this.#next = undefined;
    this.#index = 0;
    const last = this.#page.at(-1)?.entryId;
    if (last === undefined || this.#page.length < this.#size) return;
    this.#size = nextSize(this.#page, this.#size);
    this.#next = this.#range.reverse ? this.#ask(this.#range.from, `(${last}`) : this.#ask(`(${last}`, this.#range.to);
  }

  #ask(from: string, to: string): Promise<readonly StoredEntry[]> {
    const page = this.#inspector.page(this.stream, { from, to, reverse: this.#range.reverse }, this.#size);
    page.catch(() => undefined); // `fill` rethrows the error; nobody calls `fill` if the sequence is left early
    return page;
  }
}

/** The number of entries to ask for after a page of `size`. */
export function nextSize(page: readonly StoredEntry[], size: number): number {
  let length = 0;
  for (const entry of page) for (const field of entry.fields) length += field.length;
  const fitting = Math.floor(pageBytes / Math.max(1, length / page.length));
  return Math.max(1, Math.min(largestPage, size * 4, fitting));
}

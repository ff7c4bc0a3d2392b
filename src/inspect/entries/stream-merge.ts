/** Several streams as one sequence in the order of their entry ids, a page of each at a time. */

import { compareIds } from "../../model/entry-ids.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector, LogStream, PageRange } from "../../ports/inspect.ts";

export interface MergeRange extends PageRange {
  /** More entries than this will not be asked for. */
  readonly max?: number;
}

export interface MergedEntry {
  readonly entry: StoredEntry;
  readonly stream: LogStream;
}

/** Entries of different streams within one millisecond come in no particular order. @throws {StoreError} */
export async function* mergedPages(
  inspector: Inspector,
  streams: readonly LogStream[],
  range: MergeRange,
): AsyncGenerator<MergedEntry, void, undefined> {
  const open: Cursor[] = streams.map((stream) => new Cursor(inspector, stream, range));
  await Promise.all(open.map((cursor) => cursor.fill()));
  const sign = range.reverse ? -1 : 1;
  for (;;) {
    let first: Cursor | undefined;
    for (const cursor of open) {
      if (cursor.head === undefined) continue;
      if (first?.head === undefined || sign * compareIds(cursor.head.entryId, first.head.entryId) < 0) first = cursor;
    }
    if (first?.head === undefined) return;
    yield { entry: first.head, stream: first.stream };
    if (!first.advance()) await first.fill();
  }
}

const largestPage = 500;
/** Pages grow to about this much, so that large payloads do not make a page too large to hold. */
const pageBytes = 1_048_576;

/** A place in one stream. The next page is under way while one is being handed out. */
class Cursor {
  readonly stream: LogStream;
  readonly #inspector: Inspector;
  readonly #range: MergeRange;
  #page: readonly StoredEntry[] = [];
  #place = 0;
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
    return this.#page[this.#place];
  }

  /** False when the page in hand is used up. */
  advance(): boolean {
    this.#place++;
    return this.#place < this.#page.length;
  }

  async fill(): Promise<void> {
    this.#page = (await this.#next) ?? [];
    this.#next = undefined;
    this.#place = 0;
    const last = this.#page.at(-1)?.entryId;
    if (last === undefined || this.#page.length < this.#size) return;
    this.#size = nextSize(this.#page, this.#size);
    this.#next = this.#range.reverse ? this.#ask(this.#range.from, `(${last}`) : this.#ask(`(${last}`, this.#range.to);
  }

  #ask(from: string, to: string): Promise<readonly StoredEntry[]> {
    const page = this.#inspector.page(this.stream, { from, to, reverse: this.#range.reverse }, this.#size);
    page.catch(() => undefined); // whoever asks for it gets the error; nobody may, if the sequence is left early
    return page;
  }
}

/** How many entries to ask for after a page of so many. */
export function nextSize(page: readonly StoredEntry[], size: number): number {
  let length = 0;
  for (const entry of page) for (const field of entry.fields) length += field.length;
  const fitting = Math.floor(pageBytes / Math.max(1, length / page.length));
  return Math.max(1, Math.min(largestPage, size * 4, fitting));
}

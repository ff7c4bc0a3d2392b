/** Merges streams of entries and of settlements into one sequence by time, a page of each at a time, each within its own range. */

import { nextSize } from "../../inspect/entries/stream-merge.ts";
import { compareIds } from "../../model/entry-ids.ts";
import { timeOf } from "../../model/envelope.ts";
import type { RecordedSettlement } from "../../model/recorded-settlement.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector } from "../../ports/inspect.ts";

/** A channel's stream, or a component's settlement log. */
export interface MergedStream {
  readonly kind: "entry" | "settlement";
  /** The channel, or the component. */
  readonly name: string;
  readonly partition: number;
  /** The range, as in `PageRange`. */
  readonly from: string;
  readonly to: string;
}

/** An entry or a settlement, with its stream. */
export type LogItem = { readonly stream: MergedStream } & (
  | { readonly entry: StoredEntry; readonly settlement?: undefined }
  | { readonly settlement: RecordedSettlement; readonly entry?: undefined }
);

/**
 * Merges the streams, a page at a time. Within one millisecond settlements come after entries: ids of different streams do not tell the
 * order, but a settlement names only entries that were appended before it. @throws {StoreError}
 */
export async function* mergeLog(
  inspector: Inspector,
  streams: readonly MergedStream[],
): AsyncGenerator<readonly LogItem[], void, undefined> {
  const cursors = streams.map((stream) => new Cursor(inspector, stream));
  await Promise.all(cursors.map((cursor) => cursor.fill()));
  let open = cursors.filter((cursor) => cursor.head !== undefined);
  while (open.length > 0) {
    const items: LogItem[] = [];
    let first: Cursor;
    do {
      first = earliest(open);
      items.push(first.take());
    } while (first.head !== undefined);
    yield items;
    await first.fill();
    open = open.filter((cursor) => cursor.head !== undefined);
  }
}

function earliest(open: readonly Cursor[]): Cursor {
  let first = open[0] as Cursor;
  for (let i = 1; i < open.length; i++) {
    const cursor = open[i] as Cursor;
    if (cursor.isBefore(first)) first = cursor;
  }
  return first;
}

const firstPage = 16;
const settlementPage = 200;

/** A cursor over one stream. It loads the next page while the caller takes items of the current one. */
class Cursor {
  readonly #inspector: Inspector;
  readonly #stream: MergedStream;
  #page: readonly LogItem[] = [];
  #index = 0;
  #next: Promise<readonly LogItem[]> | undefined;
  #size: number;

  constructor(inspector: Inspector, stream: MergedStream) {
    this.#inspector = inspector;
    this.#stream = stream;
    this.#size = stream.kind === "entry" ? firstPage : settlementPage;
    this.#next = this.#ask(stream.from);
  }

  /** The id of the next item; undefined at the end of the page. */
  get head(): string | undefined {
    const item = this.#page[this.#index];
    return item?.entry?.entryId ?? item?.settlement?.entryId;
  }

  isBefore(other: Cursor): boolean {
    const id = this.head as string;
    const otherId = other.head as string;
    if (this.#stream.kind === other.#stream.kind) return compareIds(id, otherId) < 0;
    const ms = timeOf(id);
    const otherMs = timeOf(otherId);
    return ms === otherMs ? this.#stream.kind === "entry" : ms < otherMs;
  }

  take(): LogItem {
    return this.#page[this.#index++] as LogItem;
  }

  async fill(): Promise<void> {
    const page = (await this.#next) ?? [];
    this.#page = page;
    this.#index = 0;
    this.#next = undefined;
    const last = page.at(-1);
    if (last === undefined || page.length < this.#size) return;
    if (this.#stream.kind === "entry") {
      this.#size = nextSize(
        page.flatMap(({ entry }) => (entry === undefined ? [] : [entry])),
        this.#size,
      );
    }
    this.#next = this.#ask(`(${last.entry?.entryId ?? last.settlement?.entryId}`);
  }

  #ask(from: string): Promise<readonly LogItem[]> {
    const page = this.#read(from);
    page.catch(() => undefined); // `fill` rethrows the error; nobody calls `fill` if the sequence is left early
    return page;
  }

  async #read(from: string): Promise<readonly LogItem[]> {
    const stream = this.#stream;
    const { kind, name, partition, to } = stream;
    if (kind === "entry") {
      const rows = await this.#inspector.page({ channel: name, partition }, { from, to, reverse: false }, this.#size);
      return rows.map((entry) => ({ stream, entry }));
    }
    const rows = await this.#inspector.settlements(partition, name, { from, to }, this.#size);
    return rows.map((settlement) => ({ stream, settlement }));
  }
}

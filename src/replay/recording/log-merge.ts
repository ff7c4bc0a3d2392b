/** Streams of entries and of settlements as one sequence by time, a page of each at a time, each from and to where it is wanted. */

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
  /** As `PageRange` has them. */
  readonly from: string;
  readonly to: string;
}

export type LogItem = { readonly stream: MergedStream } & (
  | { readonly entry: StoredEntry; readonly settlement?: undefined }
  | { readonly settlement: RecordedSettlement; readonly entry?: undefined }
);

/**
 * In pages, as they come. Of one millisecond the settlements come after the entries, as ids of different streams say nothing about who was
 * first: a settlement names entries that were there before it. @throws {StoreError}
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

/** A place in one stream. The next page is under way while one is being handed out. */
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

  /** The id of what `take` gives; undefined at the end, or when the page is used up. */
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
    page.catch(() => undefined); // whoever asks for it gets the error; nobody may, if the sequence is left early
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

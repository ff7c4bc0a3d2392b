/** Reads a whole namespace in the order of time, a window after the other: entries of all channels, and settlements of all components. */

import { timeOf } from "../../model/envelope.ts";
import type { RecordedSettlement } from "../../model/recorded-settlement.ts";
import type { Inspector } from "../../ports/inspect.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";
import { mergedPages } from "../entries/stream-merge.ts";
import { readSettlements } from "../settlement-reader.ts";

/** What was appended and settled in a stretch of time. Both lists are in the order of time. */
export interface LogWindow {
  readonly entries: readonly LogEntry[];
  readonly settlements: readonly RecordedSettlement[];
  /** The window's end, included, epoch ms. */
  readonly toMs: number;
}

export interface WindowRange {
  readonly channels: readonly string[];
  readonly components: readonly string[];
  readonly partitions: number;
  /** Both included, epoch ms. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly signal?: AbortSignal;
}

/** Number of entries and settled deliveries from which on a window is full; it ends with the millisecond. */
const fullFrom = 5_000;

type Item = { readonly entry: LogEntry } | { readonly settlement: RecordedSettlement };

/** One sequence of the merge, with the item that comes next. */
interface Head {
  readonly items: AsyncGenerator<Item, void, undefined>;
  next: Item;
  ms: number;
}

/** Memory: one window, and a page of each stream. Ends without an error when `signal` aborts. @throws {StoreError} */
export async function* readWindows(
  inspector: Inspector,
  range: WindowRange,
): AsyncGenerator<LogWindow, void, undefined> {
  const { components, fromMs, toMs, signal } = range;
  const sequences = [entriesOf(inspector, range)];
  for (const component of components) sequences.push(settlementsOf(inspector, component, fromMs, toMs));
  const heads: Head[] = [];
  for (const items of sequences) {
    const first = await items.next();
    if (first.done !== true) heads.push({ items, next: first.value, ms: msOf(first.value) });
  }
  let entries: LogEntry[] = [];
  let settlements: RecordedSettlement[] = [];
  let size = 0;
  let endMs = fromMs;
  while (heads.length > 0 && !isAborted(signal)) {
    const head = heads.reduce((earliest, one) => (one.ms < earliest.ms ? one : earliest));
    if (size >= fullFrom && head.ms > endMs) {
      yield { entries, settlements, toMs: endMs };
      entries = [];
      settlements = [];
      size = 0;
    }
    endMs = Math.max(endMs, head.ms);
    const item = head.next;
    if ("entry" in item) {
      entries.push(item.entry);
      size++;
    } else {
      settlements.push(item.settlement);
      for (const { entryIds } of item.settlement.calls) size += entryIds.length;
    }
    const next = await head.items.next();
    if (next.done === true) heads.splice(heads.indexOf(head), 1);
    else {
      head.next = next.value;
      head.ms = msOf(next.value);
    }
  }
  if (size > 0 || settlements.length > 0) yield { entries, settlements, toMs: endMs };
}

async function* entriesOf(
  inspector: Inspector,
  { channels, partitions, fromMs, toMs }: WindowRange,
): AsyncGenerator<Item, void, undefined> {
  const streams = channels.flatMap((channel) =>
    Array.from({ length: partitions }, (_, partition) => ({ channel, partition })),
  );
  const pages = mergedPages(inspector, streams, { from: String(fromMs), to: String(toMs), reverse: false });
  for await (const { entry, stream } of pages) yield { entry: toLogEntry(entry, stream.partition) };
}

async function* settlementsOf(
  inspector: Inspector,
  component: string,
  fromMs: number,
  toMs: number,
): AsyncGenerator<Item, void, undefined> {
  const range = { from: String(fromMs), to: String(toMs) };
  for await (const settlement of readSettlements(inspector, component, range)) yield { settlement };
}

function msOf(item: Item): number {
  return timeOf("entry" in item ? item.entry.entryId : item.settlement.entryId);
}

// A function, because the compiler's flow analysis does not see that a signal can abort during an await.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

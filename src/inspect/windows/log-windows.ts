/** Reads a whole namespace in the order of time, a window after the other: entries of all channels, and settlements of all components. */

import { timeOf } from "../../model/envelope.ts";
import type { RecordedSettlement } from "../../model/recorded-settlement.ts";
import type { Inspector } from "../../ports/inspect.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";
import { mergedRuns } from "../entries/stream-merge.ts";
import { settlementRuns } from "../settlement-reader.ts";

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
const fullFrom = 2_000;

type Item = LogEntry | RecordedSettlement;

/** One sequence of the merge, with the run of items that come next. */
interface Head {
  readonly runs: AsyncGenerator<readonly Item[], void, undefined>;
  run: readonly Item[];
  at: number;
  ms: number;
}

/** Memory: one window, and a page of each stream. Ends without an error when `signal` aborts. @throws {StoreError} */
export async function* readWindows(
  inspector: Inspector,
  range: WindowRange,
): AsyncGenerator<LogWindow, void, undefined> {
  const { components, fromMs, toMs, signal } = range;
  const sequences: AsyncGenerator<readonly Item[], void, undefined>[] = [entriesOf(inspector, range)];
  const times = { from: String(fromMs), to: String(toMs) };
  for (const component of components) sequences.push(settlementRuns(inspector, component, times));
  const heads: Head[] = [];
  for (const runs of sequences) {
    const first = await runs.next();
    if (first.done !== true) heads.push({ runs, run: first.value, at: 0, ms: msOf(first.value[0] as Item) });
  }
  let entries: LogEntry[] = [];
  let settlements: RecordedSettlement[] = [];
  let size = 0;
  let endMs = fromMs;
  while (heads.length > 0 && !isAborted(signal)) {
    let head = heads[0] as Head;
    for (const one of heads) if (one.ms < head.ms) head = one;
    if (size >= fullFrom && head.ms > endMs) {
      yield { entries, settlements, toMs: endMs };
      entries = [];
      settlements = [];
      size = 0;
    }
    endMs = Math.max(endMs, head.ms);
    const item = head.run[head.at] as Item;
    if ("calls" in item) {
      settlements.push(item);
      for (const { entryIds } of item.calls) size += entryIds.length;
    } else {
      entries.push(item);
      size++;
    }
    head.at++;
    if (head.at === head.run.length) {
      const next = await head.runs.next();
      if (next.done === true) {
        heads.splice(heads.indexOf(head), 1);
        continue;
      }
      head.run = next.value;
      head.at = 0;
    }
    head.ms = msOf(head.run[head.at] as Item);
  }
  if (size > 0 || settlements.length > 0) yield { entries, settlements, toMs: endMs };
}

async function* entriesOf(
  inspector: Inspector,
  { channels, partitions, fromMs, toMs }: WindowRange,
): AsyncGenerator<readonly Item[], void, undefined> {
  const streams = channels.flatMap((channel) =>
    Array.from({ length: partitions }, (_, partition) => ({ channel, partition })),
  );
  const runs = mergedRuns(inspector, streams, { from: String(fromMs), to: String(toMs), reverse: false });
  for await (const run of runs) yield run.map(({ entry, stream }) => toLogEntry(entry, stream.partition));
}

function msOf(item: Item): number {
  return timeOf(item.entryId);
}

// A function, because the compiler's flow analysis does not see that a signal can abort during an await.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** Feeds a file of orders to the pipeline, and counts its lines by kind. */

import type { Backbone } from "throughline";
import { compareEntryIds as compareIds } from "throughline";
import { placeFile } from "../../producers/order-manager/index.ts";
import { type OrderFileFormat, orderKey } from "../domain/index.ts";

export interface FeedCounts {
  /** The number of lines that are orders. */
  readonly orders: number;
  /** The number of orders that the file has had further up. */
  readonly repeated: number;
  /** The number of orders that the log had before this run. */
  readonly known: number;
  /** The shares of the orders that are neither repeated nor known. */
  readonly newQuantity: number;
  readonly skipped: number;
}

export interface SkippedLine {
  readonly line: number;
  readonly reason: string;
}

export interface Feed {
  readonly path: string;
  /** The counts, which grow while the file is read. */
  readonly counts: FeedCounts;
  /** The first thousand skipped lines. */
  readonly skippedLines: readonly SkippedLine[];
  /** The `orderKey` of every order in the file. */
  readonly keys: ReadonlySet<string>;
  /**
   * Resolves when every line was taken, or when `signal` has stopped the feed. Rejects when the file cannot be read.
   */
  readonly done: Promise<void>;
}

export interface FeedOptions {
  readonly path: string;
  readonly format?: OrderFileFormat;
  readonly symbol?: string;
  /** The newest client order before this run: an order with an older entry was known. */
  readonly since: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const maxSaidLines = 20;
const maxKeptLines = 1_000;

export function startFeed(backbone: Pick<Backbone, "publish" | "read">, options: FeedOptions): Feed {
  const { path, format, symbol, since, say, signal } = options;
  const keys = new Set<string>();
  const skippedLines: SkippedLine[] = [];
  const counts = { orders: 0, repeated: 0, known: 0, newQuantity: 0, skipped: 0 };
  let isOut = false;
  const placing = placeFile(backbone, path, {
    ...(format !== undefined && { format }),
    ...(symbol !== undefined && { symbol }),
    signal,
    onPlaced: (order, ref) => {
      isOut = false;
      const key = orderKey(order.userId, order.id);
      counts.orders++;
      if (keys.has(key)) counts.repeated++;
      else if (compareIds(ref.entryId, since) <= 0) counts.known++;
      else counts.newQuantity += order.quantity;
      keys.add(key);
    },
    onSkipped: (line, reason) => {
      counts.skipped++;
      if (counts.skipped <= maxSaidLines) say(`Line ${line} is skipped: ${reason}.`);
      if (counts.skipped === maxSaidLines + 1) say("More lines are skipped; the summary counts them.");
      if (counts.skipped <= maxKeptLines) skippedLines.push({ line, reason });
    },
    onRetry: (error) => {
      // Said once in an outage: all waiting orders are placed again when it is over.
      if (!isOut) say(`Orders are not confirmed and will be placed again: ${error.message}`);
      isOut = true;
    },
  });
  const done = placing.then(
    () => undefined,
    (error: unknown) => {
      if (!signal.aborted) throw error;
    },
  );
  return { path, keys, skippedLines, counts, done };
}

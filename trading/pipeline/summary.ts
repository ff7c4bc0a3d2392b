/** The summary of a run: `--report` writes it, and a person reads it. */

import type { VenueTotals } from "../domain/index.ts";
import { type Books, booksOf, findBreaches } from "./conservation.ts";
import type { Feed, FeedCounts, SkippedLine } from "./feed.ts";
import {
  type Account,
  type ChannelName,
  type EntryCount,
  type Ledger,
  openOf,
  ordersOfRun,
  type Positions,
  sumOf,
} from "./ledger.ts";

/** An account with its open quantity. */
export interface Quantities extends Account {
  readonly open: number;
}

/** Plain JSON. Quantities are shares, times ms. */
export interface Summary {
  /** True when quantity is conserved and nothing stays open. */
  readonly ok: boolean;
  readonly breaches: readonly string[];
  /** True when a signal ended the run before the pipeline was done. */
  readonly interrupted: boolean;
  /** The lines of the file; absent when no file was fed. */
  readonly file?: FeedCounts & { readonly path: string; readonly skippedLines: readonly SkippedLine[] };
  /** The orders of this run: the file's, and those that came over the gateway meanwhile. */
  readonly orders: Quantities & { readonly count: number };
  /** Cancels that clients have asked for, in the whole log. */
  readonly cancels: number;
  /** The books of the whole log of the namespace, earlier runs included. */
  readonly books: { readonly [Book in keyof Books]: Quantities };
  readonly entries: Readonly<Record<ChannelName, EntryCount>>;
  readonly deadLetters: number;
  /** Absent when this run appended nothing. */
  readonly pace?: {
    readonly durationMs: number;
    readonly ordersPerSecond: number;
    readonly entriesPerSecond: number;
  };
  /** Times from a client order's append to that of its execution. Absent when there were none. */
  readonly orderToExecutionMs?: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface RunFacts {
  readonly ledger: Ledger;
  readonly since: Positions;
  readonly exchange: VenueTotals;
  readonly deadLetters: number;
  readonly feed: Feed | undefined;
  readonly interrupted: boolean;
}

export function summarise({ ledger, since, exchange, deadLetters, feed, interrupted }: RunFacts): Summary {
  const books = booksOf(ledger, exchange);
  const breaches = [...findBreaches(ledger, books)];
  if (feed !== undefined && feed.counts.orders === 0 && feed.counts.skipped > 0) {
    breaches.push(`none of the ${feed.counts.skipped} lines of ${feed.path} is an order`);
  }
  const ofThisRun = ordersOfRun(ledger, feed?.keys, since);
  const { latenciesMs, counts, freshMs } = ledger;
  const freshEntries = Object.values(counts).reduce((sum, count) => sum + count.fresh, 0);
  // A run that appended everything within one millisecond counts as one.
  const perSecond = (count: number): number => Math.round((count * 1_000) / Math.max(1, freshMs));
  return {
    ok: breaches.length === 0,
    breaches,
    interrupted,
    ...(feed !== undefined && { file: { path: feed.path, ...feed.counts, skippedLines: byLine(feed.skippedLines) } }),
    orders: { count: ofThisRun.size, ...withOpen(sumOf(ofThisRun.values())) },
    cancels: ledger.cancels,
    books: {
      clientOrders: withOpen(books.clientOrders),
      exchangeOrders: withOpen(books.exchangeOrders),
      exchange: withOpen(books.exchange),
    },
    entries: counts,
    deadLetters,
    ...(freshEntries > 0 && {
      pace: {
        durationMs: freshMs,
        ordersPerSecond: perSecond(counts["client-orders"].fresh),
        entriesPerSecond: perSecond(freshEntries),
      },
    }),
    ...(latenciesMs.length > 0 && {
      orderToExecutionMs: {
        p50: percentile(latenciesMs, 0.5),
        p99: percentile(latenciesMs, 0.99),
        max: percentile(latenciesMs, 1),
      },
    }),
  };
}

function byLine(lines: readonly SkippedLine[]): readonly SkippedLine[] {
  return lines.toSorted((a, b) => a.line - b.line);
}

function withOpen(account: Account): Quantities {
  return { ...account, open: openOf(account) };
}

/** The percentile of ascending values, by nearest rank. */
function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)] ?? Number.NaN;
}

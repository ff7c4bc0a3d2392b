/** The order in which a component's entries are replayed, and their division into handler calls. */

import { hash } from "node:crypto";
import type { Subscription } from "../../consume/subscription.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import { timeOf } from "../../model/envelope.ts";
import { IdSet } from "../republish/event-id-set.ts";
import type { ReplayLine, ReplaySource, SettledCall } from "../source/source.ts";

/**
 * `settled`: the order and the batches of the component's settlements. `appended`: the order of entry ids, with batches as they fill up;
 * where the component read two channels or had two members, this order only approximates the live one.
 */
export type ReplayOrder = "settled" | "appended";

/** A handler call to make again. */
export interface PlannedCall {
  readonly partition: number;
  readonly channel: string;
  readonly entries: readonly LogEntry[];
  /** Epoch ms at which the call was settled, or could have been. */
  readonly at: number;
  /** The recorded outcome; undefined where the record has none. */
  readonly recorded: SettledCall["outcome"] | undefined;
}

/** An entry as it is read, or a call to make. */
export type PlanStep =
  /** An entry of a channel that the component reads, as the source gives it. */
  Extract<ReplayLine, { readonly kind: "entry" }> | { readonly kind: "call"; readonly call: PlannedCall };

/** Facts that the record lacks, counted while it is read. */
export interface Gaps {
  /** Number of settled entries that the record lacks, because it begins later or was filtered. */
  absent: number;
  /** Number of entries in the record without a settlement: they were in flight or unread when the record ended. */
  unsettled: number;
  /** Number of entries settled on channels without a given subscription. */
  unsubscribed: number;
}

/** The inputs of both orders. */
export interface PlanOptions {
  readonly source: ReplaySource;
  readonly component: string;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly gaps: Gaps;
  readonly signal: AbortSignal | undefined;
}

/** Tells whether the source has settlements of the component. */
export async function knowsSettlements(
  source: ReplaySource,
  component: string,
  signal?: AbortSignal,
): Promise<boolean> {
  for await (const line of source.lines(signal)) {
    if (line.kind === "settlement" && line.settlement.component === component) return true;
  }
  return false;
}

/** Gives calls in the order of the settlements. Holds the entries that were read and not yet settled. */
export async function* settledSteps(options: PlanOptions): AsyncGenerator<PlanStep, void, undefined> {
  const { source, component, subscriptions, gaps, signal } = options;
  const open = new Map<string, LogEntry>();
  // A dead letter may be redriven, and is then settled again.
  const deadLetters = new Map<string, LogEntry>();
  // An entry that the log names again was acknowledged twice, the second time without effect.
  const done = new IdSet(); // of digests: an entry's key is no event id
  for await (const line of source.lines(signal)) {
    if (line.kind === "entry") {
      const { entry } = line;
      if (!subscriptions.has(entry.channel)) continue;
      open.set(entryKey(entry.partition, entry.channel, entry.entryId), entry);
      yield line;
      continue;
    }
    const { settlement } = line;
    if (settlement.component !== component) continue;
    const { partition } = settlement;
    for (const { channel, entryIds, outcome } of settlement.calls) {
      if (!subscriptions.has(channel)) {
        gaps.unsubscribed += entryIds.length;
        continue;
      }
      const entries: LogEntry[] = [];
      for (const entryId of entryIds) {
        const key = entryKey(partition, channel, entryId);
        const entry = open.get(key) ?? deadLetters.get(key);
        if (entry === undefined) {
          if (!done.has(digestOf(key))) gaps.absent++;
          continue;
        }
        entries.push(entry);
        open.delete(key);
        if (outcome === "deadLettered") deadLetters.set(key, entry);
        else {
          deadLetters.delete(key);
          done.add(digestOf(key));
        }
      }
      if (entries.length === 0) continue;
      const at = timeOf(settlement.entryId);
      yield { kind: "call", call: { partition, channel, entries, at, recorded: outcome } };
    }
  }
  gaps.unsettled += open.size;
}

function digestOf(key: string): string {
  return hash("sha1", key);
}

/** Gives calls in the order of the entry ids. A batch closes when it is full, or when the next entry is later than the batch's wait. */
export async function* appendedSteps(options: PlanOptions): AsyncGenerator<PlanStep, void, undefined> {
  const { source, subscriptions, signal } = options;
  const gathered = new Map<string, { readonly entries: LogEntry[]; readonly closesAt: number }>();
  const close = (name: string, at: number): PlanStep => {
    const entries = gathered.get(name)?.entries ?? [];
    gathered.delete(name);
    const { partition, channel } = entries[0] as LogEntry;
    return { kind: "call", call: { partition, channel, entries, at, recorded: undefined } };
  };
  let lastAt = 0;
  for await (const line of source.lines(signal)) {
    if (line.kind !== "entry") continue;
    const { entry } = line;
    const { partition, channel, entryId } = entry;
    const handling = subscriptions.get(channel)?.handling;
    if (handling === undefined) continue;
    const at = timeOf(entryId);
    lastAt = Math.max(lastAt, at);
    // `gathered` iterates in the order in which the batches began.
    for (const [name, { closesAt }] of gathered) if (closesAt <= at) yield close(name, closesAt);
    yield line;
    if (handling.mode === "single") {
      yield { kind: "call", call: { partition, channel, entries: [entry], at, recorded: undefined } };
      continue;
    }
    const name = `${partition}/${channel}`;
    const batch = gathered.get(name) ?? { entries: [], closesAt: at + handling.maxWaitMs };
    gathered.set(name, batch);
    if (batch.entries.push(entry) >= handling.maxSize) yield close(name, at);
  }
  for (const name of [...gathered.keys()]) yield close(name, lastAt);
}

function entryKey(partition: number, channel: string, entryId: string): string {
  return `${partition}/${channel}/${entryId}`;
}

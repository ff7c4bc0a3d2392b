/** In which order a component's entries are replayed, and which of them one handler call had. */

import type { Subscription } from "../../consume/subscription.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import { timeOf } from "../../model/envelope.ts";
import { IdSet } from "../republish/event-id-set.ts";
import type { ReplayLine, ReplaySource, SettledCall } from "../source/source.ts";

/**
 * `settled`: as the component settled them, its batches included. `appended`: by entry id, batches as they fill up; where two channels
 * are read, or two members were at work, that is only near to what happened.
 */
export type ReplayOrder = "settled" | "appended";

/** One handler call to be made again. */
export interface PlannedCall {
  readonly partition: number;
  readonly channel: string;
  readonly entries: readonly LogEntry[];
  /** Epoch ms at which it was settled, or could have been. */
  readonly at: number;
  /** How it ended; undefined where the record does not say. */
  readonly recorded: SettledCall["outcome"] | undefined;
}

export type PlanStep =
  /** An entry of a channel that the component reads, as the source gives it. */
  Extract<ReplayLine, { readonly kind: "entry" }> | { readonly kind: "call"; readonly call: PlannedCall };

/** What the record does not tell, counted while it is read. */
export interface Gaps {
  /** Entries that were settled and are not in the record: it begins later, or was filtered. */
  absent: number;
  /** Entries in the record whose settlement is not: they were in hand, or unread, when it ended. */
  unsettled: number;
  /** Entries that were settled on channels to which no subscription was given. */
  unsubscribed: number;
}

export interface PlanOptions {
  readonly source: ReplaySource;
  readonly component: string;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly gaps: Gaps;
  readonly signal: AbortSignal | undefined;
}

/** Whether the source knows in which order the component settled anything. */
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

/** Calls in the order of the settlements. Holds the entries that were read and not yet settled. */
export async function* settledSteps(options: PlanOptions): AsyncGenerator<PlanStep, void, undefined> {
  const { source, component, subscriptions, gaps, signal } = options;
  const open = new Map<string, LogEntry>();
  // A dead letter may be redriven, and is then settled again.
  const buried = new Map<string, LogEntry>();
  // What the log names again was acknowledged twice, the second time without effect.
  const done = new IdSet();
  for await (const line of source.lines(signal)) {
    if (line.kind === "entry") {
      const { entry } = line;
      if (!subscriptions.has(entry.channel)) continue;
      open.set(placeOf(entry.partition, entry.channel, entry.entryId), entry);
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
        const place = placeOf(partition, channel, entryId);
        const entry = open.get(place) ?? buried.get(place);
        if (entry === undefined) {
          if (!done.has(place)) gaps.absent++;
          continue;
        }
        entries.push(entry);
        open.delete(place);
        if (outcome === "deadLettered") buried.set(place, entry);
        else {
          buried.delete(place);
          done.add(place);
        }
      }
      if (entries.length === 0) continue;
      const at = timeOf(settlement.entryId);
      yield { kind: "call", call: { partition, channel, entries, at, recorded: outcome } };
    }
  }
  gaps.unsettled += open.size;
}

/** Calls in the order of the entry ids. A batch closes when it is full, or when a later entry is older than its wait. */
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
    // They stand in the order in which they were begun.
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

function placeOf(partition: number, channel: string, entryId: string): string {
  return `${partition}/${channel}/${entryId}`;
}

/** The attempts of a component over time, and how they ended, counted in its settlement log. */

import { timeOf } from "../model/envelope.ts";
import type { Observer } from "./observer.ts";

/** Runs of a component's handlers that ended within one stretch of time, by how they did. */
export interface AttemptCounts {
  /** Begin of the stretch, epoch ms. */
  readonly at: number;
  /** Runs that settled their event, or their batch. */
  readonly settled: number;
  /** Runs that failed, and are tried again. */
  readonly retried: number;
  /** Runs whose state another had changed meanwhile. */
  readonly conflicts: number;
  readonly deadLettered: number;
  /** Runs that were lost with their owner. */
  readonly ownerLost: number;
}

export interface AttemptsOptions {
  /** Begin and end, epoch ms; they are rounded down to whole stretches. */
  readonly from: number;
  readonly to: number;
  /** Length of a stretch, ms. Default 10,000. */
  readonly everyMs?: number;
  /** Most settlements that are read. Default 100,000. */
  readonly maxSettlements?: number;
}

const names = {
  retried: "retried",
  conflict: "conflicts",
  deadLettered: "deadLettered",
  owner_lost: "ownerLost",
} as const;

/** Counts the attempts in stretches of time, those without any included. @throws {StoreError} */
export async function attemptsOverTime(
  observer: Pick<Observer, "readSettlements">,
  component: string,
  { from, to, everyMs = 10_000, maxSettlements = 100_000 }: AttemptsOptions,
): Promise<readonly AttemptCounts[]> {
  const begin = Math.floor(from / everyMs) * everyMs;
  const end = Math.floor(to / everyMs) * everyMs;
  const counts = Array.from({ length: Math.max(0, (end - begin) / everyMs) }, (_, i) => ({
    at: begin + i * everyMs,
    settled: 0,
    retried: 0,
    conflicts: 0,
    deadLettered: 0,
    ownerLost: 0,
  }));
  if (counts.length === 0) return counts;
  let read = 0;
  const range = { from: String(begin), to: `${end - 1}` };
  for await (const { entryId, calls, failed = [] } of observer.readSettlements(component, range)) {
    if (++read > maxSettlements) return counts.filter(({ at }) => at < timeOf(entryId) - everyMs);
    const settledAt = timeOf(entryId);
    const stretch = counts[Math.floor((settledAt - begin) / everyMs)];
    if (stretch !== undefined) stretch.settled += calls.filter(({ outcome }) => outcome === "acked").length;
    for (const { outcome, endedAgoMs = 0 } of failed) {
      const ended = counts[Math.floor((settledAt - endedAgoMs - begin) / everyMs)] ?? stretch;
      if (ended !== undefined) ended[names[outcome]]++;
    }
  }
  return counts;
}

/** Damage that a producer can do to its channel, because no Redis rule forbids it: detected from the facts of the channel's stream. */

import { greatestId } from "./entry-ids.ts";
import { timeOf } from "./envelope.ts";

/** Numbers of one stream. */
export interface StreamCounts {
  readonly entries: number;
  /** Entries that were ever appended, those that are gone included. */
  readonly appended: number;
  /** Empty while nothing was ever appended. */
  readonly lastEntryId: string;
  /** Entries that were evicted or removed by others; trims by retention and by a repair are not counted. */
  readonly removed: number;
}

/** The damage of one stream. */
export interface Damage {
  /** True where the last id is the greatest possible one, so that nothing can be appended any more. */
  readonly isBlocked: boolean;
  /** Distance of the last id ahead of the server's clock, ms; 0 below an hour. Retention by age and lag in time are wrong there. */
  readonly aheadMs: number;
  /** Entries that others than retention removed since the last repair; 0 where the channel evicts, as evictions look the same. */
  readonly removedByOthers: number;
}

/** Tolerated distance ahead of the clock, ms: a clock that was set back, or a failover to a server that is behind, is no damage. */
export const toleratedAheadMs = 3_600_000;

/** Detects damage. `now`: epoch ms on the server's clock; `evicts`: true where the channel's policy evicts. */
export function damageOf({ lastEntryId, removed }: StreamCounts, now: number, evicts: boolean): Damage {
  const aheadMs = lastEntryId === "" ? 0 : timeOf(lastEntryId) - now;
  return {
    isBlocked: lastEntryId === greatestId,
    aheadMs: aheadMs > toleratedAheadMs ? aheadMs : 0,
    removedByOthers: evicts ? 0 : removed,
  };
}

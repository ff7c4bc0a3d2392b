/** What somebody who may publish to a channel can have done to it, as no rule of Redis forbids it: told by its stream's own facts. */

import { greatestId } from "./entry-ids.ts";
import { timeOf } from "./envelope.ts";

/** Of one stream. */
export interface StreamCounts {
  readonly entries: number;
  /** Empty while nothing was ever appended. */
  readonly lastEntryId: string;
  /** Entries that neither retention nor a repair knows the end of: evicted, or removed by others. */
  readonly removed: number;
}

export interface Damage {
  /** Its last id is the greatest there is: nothing can be appended any more. */
  readonly isBlocked: boolean;
  /** How far its last id is ahead of the server's clock, ms; 0 below an hour. Retention by age and lag in time are wrong there. */
  readonly aheadMs: number;
  /** Entries that others than retention have removed since the last repair; 0 where the channel evicts, as that cannot be told apart. */
  readonly removedByOthers: number;
}

/** A server whose clock was set back, or that took over from one ahead of it, is no damage, ms. */
export const toleratedAheadMs = 3_600_000;

/** `now`: on the server's clock, epoch ms. */
export function damageOf({ lastEntryId, removed }: StreamCounts, now: number, evicts: boolean): Damage {
  const aheadMs = lastEntryId === "" ? 0 : timeOf(lastEntryId) - now;
  return {
    isBlocked: lastEntryId === greatestId,
    aheadMs: aheadMs > toleratedAheadMs ? aheadMs : 0,
    removedByOthers: evicts ? 0 : removed,
  };
}

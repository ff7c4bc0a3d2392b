/** How far a stream may be trimmed: pure, over what its groups have not finished. `trim.lua` holds to the same rule in one step. */

import { compareIds } from "../model/entry-ids.ts";

/** Where a group stands, as far as retention is concerned. */
export interface GroupPlaceFacts {
  readonly component: string;
  readonly lastDeliveredId: string;
  /** Parked and handed-back deliveries included; empty where there is none. */
  readonly oldestPendingId: string;
}

/**
 * The oldest entry that must stay, and everything after it: the least over the groups of (oldest pending, else last delivered).
 * Undefined where no group is, so that nothing is held.
 */
export function floorOf(groups: readonly GroupPlaceFacts[]): string | undefined {
  let floor: string | undefined;
  for (const group of groups) {
    const kept = keptBy(group);
    if (floor === undefined || compareIds(kept, floor) < 0) floor = kept;
  }
  return floor;
}

/** The components that hold the floor where it is. */
export function holdersOf(groups: readonly GroupPlaceFacts[]): readonly string[] {
  const floor = floorOf(groups);
  return groups.filter((group) => keptBy(group) === floor).map(({ component }) => component);
}

function keptBy({ lastDeliveredId, oldestPendingId }: GroupPlaceFacts): string {
  return oldestPendingId === "" ? lastDeliveredId : oldestPendingId;
}

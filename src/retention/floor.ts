/** The floor of a stream, below which it may be trimmed: computed from its groups alone. `trim.lua` applies the same rule in one step. */

import { compareIds } from "../model/entry-ids.ts";

/** The position of a group, as far as retention is concerned. */
export interface GroupPosition {
  readonly component: string;
  readonly lastDeliveredId: string;
  /** The oldest delivery not settled, parked and handed-back ones included; empty where there is none. */
  readonly oldestPendingId: string;
}

/**
 * The oldest entry that must stay, along with everything after it: the least over the groups of (oldest pending, else last delivered).
 * Undefined where there is no group, so that every entry may go.
 */
export function floorOf(groups: readonly GroupPosition[]): string | undefined {
  let floor: string | undefined;
  for (const group of groups) {
    const kept = keptBy(group);
    if (floor === undefined || compareIds(kept, floor) < 0) floor = kept;
  }
  return floor;
}

/** The components that keep the floor from rising. */
export function holdersOf(groups: readonly GroupPosition[]): readonly string[] {
  const floor = floorOf(groups);
  return groups.filter((group) => keptBy(group) === floor).map(({ component }) => component);
}

function keptBy({ lastDeliveredId, oldestPendingId }: GroupPosition): string {
  return oldestPendingId === "" ? lastDeliveredId : oldestPendingId;
}

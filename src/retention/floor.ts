/** The floor of a stream, below which it may be trimmed: computed from where its components stand. `trim.lua` applies the same rule in one step. */

import { compareIds } from "../model/entry-ids.ts";

/** The position of a component, as far as retention is concerned. */
export interface GroupPosition {
  readonly component: string;
  /** The position up to which all entries are finished, but for open and parked ones. */
  readonly positionId: string;
  /** The oldest entry that is open or parked; empty where there is none. */
  readonly oldestOpenId: string;
}

/**
 * The oldest entry that must stay, along with everything after it: the least over the components of (position, oldest open or parked).
 * Undefined where there is no component, so that every entry may go.
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

function keptBy({ positionId, oldestOpenId }: GroupPosition): string {
  return oldestOpenId !== "" && compareIds(oldestOpenId, positionId) < 0 ? oldestOpenId : positionId;
}

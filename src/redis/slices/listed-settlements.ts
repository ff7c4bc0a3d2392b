/** Which settlements of a batch the script has to look at one by one, and which of them hold up one another. */

import { hasEffects, type Settlement } from "../../ports/settle.ts";

/** The places of those with more to write than the position, and of those that come after one of them on a lock. */
export function listedIn(settlements: readonly Settlement[]): readonly number[] {
  const listed: number[] = [];
  const locked = new Set<string>();
  for (let place = 0; place < settlements.length; place++) {
    const settlement = settlements[place] as Settlement;
    const { locks } = settlement;
    if (!hasEffects(settlement) && (listed.length === 0 || !locks.some((lock) => locked.has(lock)))) continue;
    listed.push(place);
    for (const lock of locks) locked.add(lock);
  }
  return listed;
}

/** A number for each lock that several of them have: the others hold up nobody. */
export function sharedLocks(settlements: readonly Settlement[]): ReadonlyMap<string, number> {
  const seen = new Set<string>();
  const shared = new Map<string, number>();
  for (const { locks } of settlements) {
    for (const lock of locks) {
      if (seen.has(lock)) shared.set(lock, shared.get(lock) ?? shared.size + 1);
      seen.add(lock);
    }
  }
  return shared;
}

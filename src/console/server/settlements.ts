/** The times at which a story's events were settled, by the components' settlement logs. */

import { entryTime, type Journey, type Observer, walkJourney } from "../../index.ts";

/** Most settlements of a component that are read for a story. */
const maxSettlements = 20_000;
/** A settlement is looked for until so long after the story's last event, ms. */
const settledWithinMs = 60_000;

/** The name of a component's settlement of an entry. */
export function settlementName(
  component: string,
  { partition, channel, entryId }: { readonly partition: number; readonly channel: string; readonly entryId: string },
): string {
  return `${component} ${partition}/${channel}/${entryId}`;
}

/** When each component settled each event, as far as its settlement log tells. */
export async function settlementsOf(
  observer: Observer,
  journey: Journey,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const settledAt: Record<string, number> = {};
  const wanted = new Map<string, Set<string>>();
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const { node } of walkJourney(journey)) {
    const { partition, channel, entryId, appendedAt } = node.event;
    first = Math.min(first, appendedAt);
    last = Math.max(last, appendedAt);
    for (const { component, state } of node.standings) {
      if (state !== "settled" && state !== "dead") continue;
      const entries = wanted.get(component) ?? new Set();
      wanted.set(component, entries.add(`${partition}/${channel}/${entryId}`));
    }
  }
  for (const [component, entries] of wanted) {
    let read = 0;
    const range = { from: String(first), to: String(last + settledWithinMs) };
    for await (const { partition, entryId, calls } of observer.readSettlements(component, range)) {
      if (signal.aborted || ++read > maxSettlements) break;
      for (const { channel, entryIds } of calls) {
        for (const id of entryIds) {
          const entry = `${partition}/${channel}/${id}`;
          if (entries.delete(entry)) settledAt[`${component} ${entry}`] = entryTime(entryId);
        }
      }
      if (entries.size === 0) break;
    }
  }
  return settledAt;
}

/** The times at which a story's events were settled, by the components' settlement logs. */

import type { Journey } from "../inspect/journey/journey.ts";
import { walkJourney } from "../inspect/journey-tree.ts";
import { timeOf } from "../model/envelope.ts";
import type { Observer } from "./observer.ts";

/** Most settlements of a component that are read for a story. */
const maxSettlements = 20_000;
/** A settlement is looked for until so long after the story's last event, ms. */
const settledWithinMs = 60_000;

/** The name of a component's settlement of an entry in `settlementTimes`. */
export function settlementName(
  component: string,
  { partition, channel, entryId }: { readonly partition: number; readonly channel: string; readonly entryId: string },
): string {
  return `${component} ${partition}/${channel}/${entryId}`;
}

/**
 * Reads when each component settled each event of a story, epoch ms, by `component partition/channel/entry id`. What a settlement log does
 * not tell is left out: one that is switched off, was trimmed, or has too many settlements of others between.
 * @throws {StoreError}
 */
export async function settlementTimes(
  observer: Pick<Observer, "readSettlements">,
  journey: Journey,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const times: Record<string, number> = {};
  const wanted = new Map<string, Set<string>>();
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const { node } of walkJourney(journey)) {
    first = Math.min(first, node.event.appendedAt);
    last = Math.max(last, node.event.appendedAt);
    for (const { component, state } of node.standings) {
      if (state !== "settled" && state !== "dead") continue;
      const names = wanted.get(component) ?? new Set();
      wanted.set(component, names.add(settlementName(component, node.event)));
    }
  }
  for (const [component, names] of wanted) {
    let read = 0;
    const range = { from: String(first), to: String(last + settledWithinMs) };
    for await (const { partition, entryId, calls } of observer.readSettlements(component, range)) {
      if (signal?.aborted === true || ++read > maxSettlements) break;
      for (const { channel, entryIds } of calls) {
        for (const id of entryIds) {
          const name = settlementName(component, { partition, channel, entryId: id });
          if (names.delete(name)) times[name] = timeOf(entryId);
        }
      }
      if (names.size === 0) break;
    }
  }
  return times;
}

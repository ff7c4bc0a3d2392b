/** A replay of a component as text for people, and as JSON. */

import { escaped } from "../../model/safe-text.ts";
import type { ComponentReplay } from "./component-replay.ts";

/** Writes the counts and caveats of a replay. */
export function renderReplay(replay: ComponentReplay): string {
  const { summary } = replay;
  if (summary === undefined) return `Replayed ${escaped(replay.name)}: nothing yet.`;
  const { order, calls, events, outputs, effects, deadLettered, otherOutcomes } = summary;
  const lines = [
    `Replayed ${escaped(replay.name)}, ${order === "settled" ? "in the order in which it had settled" : "in the order of the entry ids"}.`,
    `${counted(events, "event")} in ${counted(calls, "call")}: ${counted(outputs, "output")}, ${counted(effects, "effect id")} asked for, ${counted(deadLettered, "dead letter")}.`,
  ];
  if (otherOutcomes > 0) lines.push(`${counted(otherOutcomes, "call")} ended otherwise than in the record.`);
  const stores = Object.entries(keysOf(replay)).map(([store, keys]) => `${escaped(store)} (${counted(keys, "key")})`);
  lines.push(stores.length === 0 ? "Its state is empty at the end." : `Its state at the end: ${stores.join(", ")}.`);
  return [...lines, ...caveatsOf(replay).map(escaped)].join("\n");
}

/** Writes the counts and caveats of a replay as JSON. */
export function replayJson(replay: ComponentReplay): string {
  const { component, summary } = replay;
  return JSON.stringify({ component, ...summary, stateKeys: keysOf(replay), caveats: caveatsOf(replay) }, undefined, 2);
}

/** Sentences about the differences between the replay and the record that the method of replaying causes. */
export function caveatsOf({ component, summary }: ComponentReplay): readonly string[] {
  if (summary === undefined) return [];
  const { absent, unsettled, unsubscribed } = summary.gaps;
  const caveats: string[] = [];
  if (summary.order === "appended") {
    caveats.push(
      `The order in which "${component}" settled was not followed: entries were replayed in the order of their ids, in batches of our own.`,
    );
  }
  if (absent > 0)
    caveats.push(
      `Not replayed, as the record does not have them: ${counted(absent, "settled entry", "settled entries")}.`,
    );
  if (unsettled > 0) {
    caveats.push(
      `Not replayed, as the record does not say that they were settled: ${counted(unsettled, "entry", "entries")}.`,
    );
  }
  if (unsubscribed > 0) {
    caveats.push(
      `Not replayed, as the given handlers do not read their channel: ${counted(unsubscribed, "settled entry", "settled entries")}.`,
    );
  }
  return caveats;
}

/** Number of keys by store, over all partitions. */
function keysOf(replay: ComponentReplay): Readonly<Record<string, number>> {
  const keys: Record<string, number> = {};
  for (const { store } of replay.state()) keys[store] = (keys[store] ?? 0) + 1;
  return keys;
}

function counted(count: number, one: string, many: string = `${one}s`): string {
  return count === 1 ? `1 ${one}` : `${count.toLocaleString("en")} ${many}`;
}

/** Judges a history at its end: nothing lost, effects once, order per key, state the fold of what was settled. */

import { type Entry, keyOf } from "../../src/memory/keyspace.ts";
import type { MemoryServer } from "../../src/memory/server.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import { component, outputs, partitionOf } from "./channels.ts";
import type { Observer } from "./observer.ts";
import type { Plan, PlannedEvent } from "./plan.ts";

export interface Ended {
  readonly server: MemoryServer;
  readonly observer: Observer;
  readonly plan: Plan;
  readonly lost: ReadonlySet<string>;
  /** Entry ids by event id. */
  readonly published: ReadonlyMap<string, string>;
  readonly idOf: (entry: Entry) => string;
}

/** What is wrong with it, a sentence each. Everything has been finished. */
export function findWrong(ended: Ended): readonly string[] {
  const { plan, observer } = ended;
  const wrong: string[] = [];
  observer.effects.count();
  for (const text of observer.effects.repeated(observer.conditions.isClockBack)) wrong.push(text);
  if (plan.relays === true) wrong.push(...findOvertaken(ended));
  for (let partition = 0; partition < plan.partitions; partition++) {
    const events = plan.events.filter(({ key }) => partitionOf(key, plan.partitions) === partition);
    wrong.push(...findLost(ended, partition, events), ...findUnfolded(ended, partition, events));
    wrong.push(...findReordered(ended, partition, events), ...findInnocentDead(ended, partition, events));
    wrong.push(...findRunAgain(ended, events));
  }
  return wrong;
}

/** All that was published, and that no fault has taken, is in the log; that all of the log is finished is known. */
function findLost(
  { server, published, lost, idOf }: Ended,
  partition: number,
  events: readonly PlannedEvent[],
): string[] {
  const wrong: string[] = [];
  for (const { id, channel } of events) {
    const entries = server.keys.stream(keyOf.stream(partition, channel))?.entries ?? [];
    if (published.has(id) && !lost.has(id) && !entries.some((entry) => idOf(entry) === id))
      wrong.push(`${id} was appended and is not in the log`);
  }
  return wrong;
}

/** Each effect stands in the state, once, and nothing else does. */
function findUnfolded(
  { server, observer, plan, lost }: Ended,
  partition: number,
  events: readonly PlannedEvent[],
): string[] {
  const wrong: string[] = [];
  // What a node has lost may have an output at another one.
  const isSettled = ({ id }: PlannedEvent): boolean =>
    observer.effects.hasOutput(id) && !(plan.relays === true && lost.has(id));
  const shared = events.filter((event) => event.isShared && isSettled(event)).length;
  const totals = server.keys.hash<string>(keyOf.state(partition, component, "totals"))?.get("all");
  const total = Number(totals ?? 0);
  if (total !== shared)
    wrong.push(`the shared total of partition ${partition} is ${total}, and ${shared} were settled`);
  for (const key of new Set(events.map((event) => event.key))) {
    const folded = logOf(server, partition, key);
    const settled = events.filter((event) => event.key === key && isSettled(event)).map(({ id }) => id);
    if (folded.length !== settled.length || !settled.every((id) => folded.includes(id)))
      wrong.push(`the state of ${key} is ${folded.join(" ")}, and settled were ${settled.join(" ")}`);
  }
  return wrong;
}

/** Of one key and channel, in the order of the log: all that is not parked meanwhile. */
function findReordered(
  { server, published, lost }: Ended,
  partition: number,
  events: readonly PlannedEvent[],
): string[] {
  const wrong: string[] = [];
  const planned = new Map(events.map((event) => [event.id, event]));
  for (const key of new Set(events.map((event) => event.key))) {
    const folded = logOf(server, partition, key);
    for (const channel of ["parking", "blocking", "batched"]) {
      const inOrder = folded.filter((id) => {
        const event = planned.get(id);
        if (event?.channel !== channel || lost.has(id)) return false;
        return channel === "blocking" || (event.fails === 0 && !event.calls);
      });
      for (const [i, id] of inOrder.entries()) {
        const before = inOrder[i - 1];
        if (before === undefined) continue;
        if (compareIds(published.get(before) ?? "", published.get(id) ?? "") > 0)
          wrong.push(`${id} of ${key} is before ${before} in the log of ${channel}, and was settled after it`);
      }
    }
  }
  return wrong;
}

/** Outputs of one key and channel that go to one node arrive in the order in which they were settled. */
function findOvertaken({ server, plan, observer }: Ended): string[] {
  if (observer.conditions.hasNodeGoneBack) return [];
  const wrong: string[] = [];
  const keys = new Map(plan.events.map(({ id, key }) => [id, key]));
  for (let to = 0; to < plan.partitions; to++) {
    for (const channel of Object.values(outputs)) {
      const last = new Map<string, number>();
      for (const { fields } of server.keys.stream(keyOf.stream(to, channel.name))?.entries ?? []) {
        const id = fields[5] as string;
        const key = keys.get(id) ?? "";
        const place = logOf(server, partitionOf(key, plan.partitions), key).indexOf(id);
        if (place < (last.get(key) ?? -1)) wrong.push(`the output of ${id} has been overtaken on its way to ${to}`);
        last.set(key, place);
      }
    }
  }
  return wrong;
}

/** Nobody gives up on what would have succeeded in time: five deaths are needed where nothing else fails. */
function findInnocentDead(
  { observer, published, lost }: Ended,
  partition: number,
  events: readonly PlannedEvent[],
): string[] {
  if (observer.kills >= 5) return [];
  return events
    .filter(({ fails, isHopeless, kills, calls }) => fails < 3 && !isHopeless && kills === 0 && !calls)
    .filter(({ id, channel }) => !lost.has(id) && observer.effects.isDead(partition, channel, published.get(id) ?? ""))
    .map(({ id }) => `${id} is a dead letter, although nothing was wrong with it`);
}

/** Where members only come and go in good order, nothing is handled twice. */
function findRunAgain({ plan, observer }: Ended, events: readonly PlannedEvent[]): string[] {
  if (plan.faults.some(({ kind }) => kind !== "join" && kind !== "leave")) return [];
  if (plan.events.some(({ handlerMs, kills }) => handlerMs > 500 || kills > 0)) return [];
  return events
    .filter(
      ({ channel, fails, isHopeless, isShared }) => channel !== "batched" && fails === 0 && !isHopeless && !isShared,
    )
    .filter(({ id }) => (observer.starts.get(id) ?? 0) > 1)
    .map(({ id }) => `${id} was handled ${observer.starts.get(id)} times, although nothing went wrong`);
}

function logOf(server: MemoryServer, partition: number, key: string): readonly string[] {
  const json = server.keys.hash<string>(keyOf.state(partition, component, "log"))?.get(key);
  return json === undefined ? [] : (JSON.parse(json) as string[]);
}

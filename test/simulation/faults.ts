/** What can go wrong, each fault as something that happens to the world. */

import { type Entry, keyOf, remove } from "../../src/memory/keyspace.ts";
import { attemptsOf, rowOf } from "../../src/memory/row.ts";
import type { MemoryServer } from "../../src/memory/server.ts";
import { evict } from "../../src/memory/settle.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import { eventIdIn } from "../../src/model/stored-entry.ts";
import { component, follower, inputs } from "./channels.ts";
import { applyCommonFault, forbid, spoil } from "./common-faults.ts";
import type { Fault, Plan } from "./plan.ts";
import type { Stage, StageMember } from "./stage.ts";

/** What faults happen to. */
export interface Faulty<M extends StageMember = StageMember> extends Stage<M, Fault> {
  readonly plan: Plan;
  hasRewound: boolean;
  /** The server goes back, or loses everything. */
  rewind(goBack: () => void): void;
  flushed(): void;
  /** Events that a failover has lost. */
  lose(ids: Iterable<string>): void;
  /** Events that are there again. */
  findAgain(ids: Iterable<string>): void;
  /** Events that somebody has removed from the log, and those that are there again. */
  remove(ids: Iterable<string>): void;
  restore(ids: Iterable<string>): void;
}

export function applyFault<M extends StageMember>(faulty: Faulty<M>, fault: Fault): void {
  if (applyCommonFault(faulty, fault)) return;
  const { world, network, server, plan } = faulty;
  const { kind, which, ms } = fault;
  const partition = which % plan.partitions;
  const channel = Object.keys(inputs)[which % 3] as string;
  switch (kind) {
    case "failover":
      failOver(faulty, fault);
      return;
    case "nodeFailover":
      failOverNode(faulty, partition, ms);
      return;
    case "nodeAway":
      network.setAway(partition, true);
      world.after(ms, () => network.setAway(partition, false));
      return;
    case "spoil":
      spoil(faulty, keyOf.stream(partition, "frail"), ms);
      return;
    case "forbid":
      forbid(faulty, keyOf.stream(partition, which % 3 === 0 ? "frail" : channel), ms);
      return;
    case "destroyGroup":
      server.keys.stream(keyOf.stream(partition, channel))?.groups.delete(component);
      return;
    case "deleteStream": {
      const key = keyOf.stream(partition, channel);
      faulty.remove(server.keys.stream(key)?.entries.map(({ fields }) => eventIdIn(fields)) ?? []);
      server.keys.delete(key);
      return;
    }
    case "remove": {
      // Mostly one of those that are under way.
      const stream = server.keys.stream(keyOf.stream(partition, channel));
      const entry = stream?.entries.at(-1 - (which % 4));
      if (stream === undefined || entry === undefined) return;
      faulty.remove([eventIdIn(entry.fields)]);
      remove(stream, entry.id);
      return;
    }
    case "trim":
      for (let place = 0; place < plan.partitions; place++)
        for (const name of Object.keys(inputs)) faulty.remove(trim(server, readersOf(name, plan), place, name));
      return;
    case "flush":
      faulty.remove(idsIn(server));
      faulty.rewind(() => server.keys.clear());
      faulty.flushed();
      return;
    case "loseBeats":
      server.keys.delete(keyOf.members(component));
      return;
  }
}

/** A replica that has not received the last writes takes over. */
function failOver<M extends StageMember>(faulty: Faulty<M>, { ms, backMs }: Fault): void {
  const { world, server, conditions } = faulty;
  const copy = server.keys.copy();
  const removed = [...conditions.removed];
  world.after(ms, () => {
    const before = new Set(idsIn(server));
    faulty.rewind(() => server.keys.restore(copy));
    const after = idsIn(server);
    for (const id of after) before.delete(id);
    faulty.lose(before);
    faulty.restore(after);
    faulty.remove(removed);
    faulty.hasRewound = true;
    conditions.say(() => `failed over, ${before.size} lost`);
    faulty.failedOver(backMs);
  });
}

/** Likewise of one node: its partition goes back, the others do not. */
function failOverNode<M extends StageMember>(faulty: Faulty<M>, partition: number, ms: number): void {
  const { world, server, network, conditions } = faulty;
  const prefix = `{${partition}}:`;
  const copy = server.keys.copy(prefix);
  world.after(ms, () => {
    const before = new Set(idsIn(server));
    faulty.rewind(() => server.keys.restore(copy, prefix));
    const after = idsIn(server);
    for (const id of after) before.delete(id);
    faulty.lose(before);
    faulty.findAgain(after); // an earlier failover had lost them, of which this replica knows nothing
    conditions.hasNodeGoneBack = true;
    conditions.say(() => `node ${partition} failed over, ${before.size} lost`);
    network.cutNode(partition);
  });
}

function readersOf(channel: string, { hasFollower }: Plan): readonly string[] {
  return hasFollower && channel === inputs.parking.name ? [component, follower] : [component];
}

/** Retention: removes what is older than anything that one of the components has not finished, and gives the event ids. */
function trim(
  server: MemoryServer,
  components: readonly string[],
  partition: number,
  channel: string,
): readonly string[] {
  const stream = server.keys.stream(keyOf.stream(partition, channel));
  if (stream === undefined) return [];
  const isUnfinished = ({ id }: Entry): boolean =>
    components.some((name) => {
      const slice = { component: name, partition };
      const position = rowOf(server, slice)?.positions.get(channel);
      if (position === undefined || compareIds(id, position.at) > 0) return true;
      return (
        position.open.some((open) => open.id === id) || attemptsOf(server, slice, channel).get(id)?.isParked === true
      );
    });
  const floor = stream.entries.findIndex(isUnfinished);
  return evict(stream, floor < 0 ? 0 : stream.entries.length - floor).map(({ fields }) => eventIdIn(fields));
}

/** Event ids of all inputs. */
function idsIn(server: MemoryServer): readonly string[] {
  const ids: string[] = [];
  for (const key of server.keys.keys()) {
    if (!Object.keys(inputs).some((name) => key.endsWith(`}:${name}`))) continue;
    for (const { fields } of server.keys.stream(key)?.entries ?? []) ids.push(eventIdIn(fields));
  }
  return ids;
}

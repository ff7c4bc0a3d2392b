/** What can go wrong, each fault as something that happens to the world. */

import { type Entry, keyOf, remove } from "../../src/memory/keyspace.ts";
import { attemptsOf, idIn, rowOf } from "../../src/memory/owner.ts";
import type { MemoryServer } from "../../src/memory/server.ts";
import { evict } from "../../src/memory/settle.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import { component, follower, inputs } from "./channels.ts";
import type { Conditions } from "./conditions.ts";
import type { Host } from "./host.ts";
import type { Network } from "./network.ts";
import type { Fault, Plan } from "./plan.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

interface FaultyMember {
  readonly host: Host;
  readonly isLeaving: boolean;
}

/** What faults happen to. */
export interface Faulty<M extends FaultyMember = never> {
  readonly plan: Plan;
  readonly world: World;
  readonly random: Random;
  readonly server: MemoryServer;
  readonly network: Network;
  readonly conditions: Conditions;
  readonly members: readonly M[];
  serverErrorMs: number;
  hasRewound: boolean;
  join(): M;
  leave(member: M): void;
  kill(host: Host): void;
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

export function applyFault<M extends FaultyMember>(faulty: Faulty<M>, fault: Fault): void {
  const { world, network, members, conditions, server, plan } = faulty;
  const { kind, which, ms } = fault;
  const living = members.filter(({ host, isLeaving }) => !host.isDead && !isLeaving);
  const member = living[which % Math.max(1, living.length)];
  const partition = which % plan.partitions;
  const channel = Object.keys(inputs)[which % 3] as string;
  conditions.say(() => `fault ${kind} ${ms}`);
  switch (kind) {
    case "join":
      if (living.length < 4) faulty.join();
      return;
    case "leave":
      if (member !== undefined) faulty.leave(member);
      if (living.length < 3) faulty.join();
      return;
    case "kill":
      if (member !== undefined) faulty.kill(member.host);
      return;
    case "stop":
    case "suspend":
      member?.host.stop(kind === "suspend");
      world.after(ms, () => member?.host.goOn());
      return;
    case "wallClock":
      // Nobody can tell a suspension whose traces are gone from both clocks.
      if (member !== undefined && !member.host.isStopped) member.host.wallErrorMs += ms;
      return;
    case "cut":
      network.cut(member?.host, which % 2 === 0);
      return;
    case "cutAll":
      network.cut(undefined, which % 2 === 0);
      return;
    case "unreachable":
      if (member === undefined) return;
      network.setReachable(member.host, false);
      world.after(ms, () => network.setReachable(member.host, true));
      return;
    case "still":
      network.stillUntil = world.now + ms;
      return;
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
    case "full":
      server.isFull = true;
      world.after(ms, () => {
        server.isFull = false;
      });
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
      faulty.remove(server.keys.stream(key)?.entries.map(({ fields }) => idIn(fields)) ?? []);
      server.keys.delete(key);
      return;
    }
    case "remove": {
      // Mostly one of those that are under way.
      const stream = server.keys.stream(keyOf.stream(partition, channel));
      const entry = stream?.entries.at(-1 - (which % 4));
      if (stream === undefined || entry === undefined) return;
      faulty.remove([idIn(entry.fields)]);
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
    case "serverClock":
      faulty.serverErrorMs += ms;
      if (ms < 0) conditions.isClockBack = true;
      return;
  }
}

/** A replica that has not received the last writes takes over. */
function failOver<M extends FaultyMember>(faulty: Faulty<M>, { ms, backMs }: Fault): void {
  const { world, server, network, conditions } = faulty;
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
    faulty.serverErrorMs -= backMs;
    if (backMs > 0) conditions.isClockBack = true;
    conditions.say(() => `failed over, ${before.size} lost`);
    network.cut(undefined, false);
  });
}

/** Likewise of one node: its partition goes back, the others do not. */
function failOverNode<M extends FaultyMember>(faulty: Faulty<M>, partition: number, ms: number): void {
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
  return evict(stream, floor < 0 ? 0 : stream.entries.length - floor).map(({ fields }) => idIn(fields));
}

/** Event ids of all inputs. */
function idsIn(server: MemoryServer): readonly string[] {
  const ids: string[] = [];
  for (const key of server.keys.keys()) {
    if (!Object.keys(inputs).some((name) => key.endsWith(`}:${name}`))) continue;
    for (const { fields } of server.keys.stream(key)?.entries ?? []) ids.push(idIn(fields));
  }
  return ids;
}

function spoil<M extends FaultyMember>({ server, world, conditions }: Faulty<M>, key: string, ms: number): void {
  if (conditions.isBlind) return;
  const restore = server.keys.spoil(key);
  conditions.isBlind = true;
  world.after(ms, () => {
    restore();
    conditions.isBlind = false;
  });
}

function forbid<M extends FaultyMember>({ server, world, conditions }: Faulty<M>, key: string, ms: number): void {
  if (conditions.isBlind) return;
  server.keys.forbidden.add(key);
  conditions.isBlind = true;
  world.after(ms, () => {
    server.keys.forbidden.delete(key);
    conditions.isBlind = false;
  });
}

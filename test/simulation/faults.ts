/** What can go wrong, each fault as something that happens to the world. */

import { keyOf } from "../../src/memory/keyspace.ts";
import { idIn } from "../../src/memory/owner.ts";
import type { MemoryServer } from "../../src/memory/server.ts";
import type { Host } from "./host.ts";
import type { Network } from "./network.ts";
import type { Observer } from "./observer.ts";
import type { Fault, Plan } from "./plan.ts";
import type { Random } from "./random.ts";
import { component, inputs } from "./work.ts";
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
  readonly observer: Observer;
  readonly members: readonly M[];
  serverErrorMs: number;
  hasRewound: boolean;
  join(): M;
  leave(member: M): void;
  kill(host: Host): void;
  flushed(): void;
  lose(ids: Iterable<string>): void;
}

export function applyFault<M extends FaultyMember>(faulty: Faulty<M>, fault: Fault): void {
  const { world, network, members, observer, server, plan } = faulty;
  const { kind, which, ms } = fault;
  const living = members.filter(({ host, isLeaving }) => !host.isDead && !isLeaving);
  const member = living[which % Math.max(1, living.length)];
  const partition = which % plan.partitions;
  const channel = Object.keys(inputs)[which % 3] as string;
  observer.say(`fault ${kind} ${ms}`);
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
      faulty.lose(server.keys.stream(key)?.entries.map(({ fields }) => idIn(fields)) ?? []);
      server.keys.delete(key);
      return;
    }
    case "flush":
      faulty.lose(idsIn(server));
      server.keys.clear();
      faulty.flushed();
      observer.rewound();
      return;
    case "loseBeats":
      server.keys.delete(keyOf.members(component));
      return;
    case "serverClock":
      faulty.serverErrorMs += ms;
      if (ms < 0) observer.isClockBack = true;
      return;
  }
}

/** A replica that has not received the last writes takes over. */
function failOver<M extends FaultyMember>(faulty: Faulty<M>, { ms, backMs }: Fault): void {
  const { world, server, network, observer } = faulty;
  const copy = server.keys.copy();
  world.after(ms, () => {
    const before = new Set(idsIn(server));
    server.keys.restore(copy);
    for (const id of idsIn(server)) before.delete(id);
    faulty.lose(before);
    faulty.hasRewound = true;
    faulty.serverErrorMs -= backMs;
    if (backMs > 0) observer.isClockBack = true;
    observer.say(`failed over, ${before.size} lost`);
    observer.rewound();
    network.cut(undefined, false);
  });
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

function spoil<M extends FaultyMember>({ server, world, observer }: Faulty<M>, key: string, ms: number): void {
  if (observer.isBlind) return;
  const restore = server.keys.spoil(key);
  observer.isBlind = true;
  world.after(ms, () => {
    restore();
    observer.isBlind = false;
  });
}

function forbid<M extends FaultyMember>({ server, world, observer }: Faulty<M>, key: string, ms: number): void {
  if (observer.isBlind) return;
  server.keys.forbidden.add(key);
  observer.isBlind = true;
  world.after(ms, () => {
    server.keys.forbidden.delete(key);
    observer.isBlind = false;
  });
}

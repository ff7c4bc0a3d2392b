/** The faults of a soak and when they come: drawn from its seed before it begins, so that the same seed brings the same again. */

import { between, seededRandom } from "../../trading/domain/index.ts";

export const componentNames = ["order-manager", "algorithm", "order-sender"] as const;
export type ComponentName = (typeof componentNames)[number];
/** Of each component. */
export const membersOfEach = 3;

/** An owner that is silent for longer is taken for dead. */
export const takeoverAfterMs = 1_500;

/** A member as it is named in the schedule: `algorithm 2`. It stays the same member of the desk when its process is another. */
export interface Seat {
  readonly component: ComponentName;
  readonly number: number;
}

/** What happens to a member: killed, stopped, terminated, deployed. */
export type DeskFault =
  /** `kill`: SIGKILL. `terminate`: SIGTERM, after which it has to end with 0. Started again after the time. */
  | { readonly kind: "kill" | "terminate"; readonly seat: Seat; readonly awayMs: number }
  /** SIGSTOP, and SIGCONT after the time. */
  | { readonly kind: "stop"; readonly seat: Seat; readonly awayMs: number }
  /** The members of a component, terminated one after the other as a deploy does. */
  | { readonly kind: "deploy"; readonly component: ComponentName };

/** What happens to one server, on the way to it, and to the venue. */
export type ServerFault =
  | { readonly kind: "redisKill"; readonly awayMs: number }
  | { readonly kind: "redisStop"; readonly awayMs: number }
  /** CLIENT PAUSE, of everything or of writes. */
  | { readonly kind: "pause"; readonly mode: "ALL" | "WRITE"; readonly awayMs: number }
  /** CLIENT KILL of every connection but our own. */
  | { readonly kind: "clientKill" }
  | { readonly kind: "scriptFlush" }
  /** Resets every connection. `isHalf`: the server is left in the belief that its clients are there. */
  | { readonly kind: "cut"; readonly isHalf: boolean }
  | { readonly kind: "refuse"; readonly awayMs: number }
  /** Existing connections fall silent without a reset; new connections work after the time. */
  | { readonly kind: "blackHole"; readonly awayMs: number }
  | { readonly kind: "delay"; readonly delayMs: number; readonly awayMs: number }
  /** SIGKILL, or SIGSTOP and SIGCONT after the time. */
  | { readonly kind: "venueKill" | "venueStop"; readonly awayMs: number }
  /** Resets every session with the venue. */
  | { readonly kind: "venueCut" };

/** What happens to the node of a cluster that has the partition. */
export type ClusterFault =
  /** It is killed; the others elect its replica. */
  | { readonly kind: "failover"; readonly partition: number }
  /** Its replica takes its place in agreement with it. */
  | { readonly kind: "promote"; readonly partition: number }
  /** The partition's slot moves to another primary, key by key. */
  | { readonly kind: "move"; readonly partition: number };

export type Fault = DeskFault | ServerFault | ClusterFault;

export interface Planned {
  /** From the beginning of the soak. */
  readonly atMs: number;
  readonly fault: Fault;
}

type Draw<F extends Fault = Fault> = (random: () => number) => F;

/** As often as they stand here. */
const deskDraws: readonly (readonly [weight: number, draw: Draw<DeskFault>])[] = [
  [5, (random) => ({ kind: "kill", seat: seat(random), awayMs: between(random, 50, 2_500) })],
  // Briefly, as in a deploy; or for so long that the others share its partitions, and give them back when it joins.
  [2, (random) => ({ kind: "terminate", seat: seat(random), awayMs: between(random, 50, 1_500) })],
  [2, (random) => ({ kind: "terminate", seat: seat(random), awayMs: between(random, 3_000, 8_000) })],
  [
    4,
    (random) => ({ kind: "stop", seat: seat(random), awayMs: between(random, takeoverAfterMs, takeoverAfterMs * 4) }),
  ],
  [1, (random) => ({ kind: "deploy", component: pick(random, componentNames) })],
];
const draws: readonly (readonly [weight: number, draw: Draw<DeskFault | ServerFault>])[] = [
  ...deskDraws,
  [3, (random) => ({ kind: "redisKill", awayMs: between(random, 50, 2_000) })],
  [1, (random) => ({ kind: "redisStop", awayMs: between(random, 200, 4_000) })],
  [2, (random) => ({ kind: "pause", mode: pick(random, ["ALL", "WRITE"]), awayMs: between(random, 200, 3_000) })],
  [2, () => ({ kind: "clientKill" })],
  [1, () => ({ kind: "scriptFlush" })],
  [3, (random) => ({ kind: "cut", isHalf: random() < 0.5 })],
  [1, (random) => ({ kind: "refuse", awayMs: between(random, 100, 2_000) })],
  [1, (random) => ({ kind: "blackHole", awayMs: between(random, 100, 1_500) })],
  [2, (random) => ({ kind: "venueKill", awayMs: between(random, 50, 2_000) })],
  [1, (random) => ({ kind: "venueStop", awayMs: between(random, 200, 4_000) })],
  [2, () => ({ kind: "venueCut" })],
  [1, (random) => ({ kind: "delay", delayMs: between(random, 5, 60), awayMs: between(random, 500, 3_000) })],
];

/** Each draw as often as its weight. */
const weighted: readonly Draw[] = draws.flatMap(([weight, draw]) => Array<Draw>(weight).fill(draw));
const weightedOfDesk: readonly Draw[] = deskDraws.flatMap(([weight, draw]) => Array<Draw>(weight).fill(draw));

/** The pipeline is given time to start, and time to go on after the last fault. */
const firstAtMs = 2_000;
const lastBeforeEndMs = 1_500;
const gapMs = { least: 800, most: 5_000 };

/** The same for the same seed; a longer soak begins with the faults of a shorter one. */
export function planFaults(seed: string, durationMs: number): readonly Planned[] {
  const random = seededRandom(`soak ${seed}`);
  const planned: Planned[] = [];
  for (let atMs = firstAtMs; atMs <= durationMs - lastBeforeEndMs; atMs += between(random, gapMs.least, gapMs.most)) {
    planned.push({ atMs, fault: pick(random, weighted)(random) });
  }
  return planned;
}

/** The partitions of a soak on a cluster. */
export const clusterPartitions = 12;
const clusterFaultEveryMs = 20_000;
/** Members are left time to go on after a node's fault: one that dies too often with the same entry in its hands gives it up. */
const clusterGapMs = { least: 2_000, most: 9_000 };
const clusterKinds = ["failover", "promote", "move", "move"] as const;

/** Likewise on a cluster: something happens to a node every twenty seconds, and to members in between. */
export function planClusterFaults(seed: string, durationMs: number): readonly Planned[] {
  const random = seededRandom(`cluster soak ${seed}`);
  const planned: Planned[] = [];
  let nodeAtMs = firstAtMs + gapMs.most;
  const gap = (): number => between(random, clusterGapMs.least, clusterGapMs.most);
  for (let atMs = firstAtMs; atMs <= durationMs - lastBeforeEndMs; atMs += gap()) {
    planned.push({ atMs, fault: pick(random, weightedOfDesk)(random) });
    if (atMs < nodeAtMs) continue;
    planned.push({
      atMs,
      fault: { kind: pick(random, clusterKinds), partition: between(random, 0, clusterPartitions - 1) },
    });
    nodeAtMs += clusterFaultEveryMs;
  }
  return planned;
}

/** For people, and the same for the same fault. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case "kill":
      return `kill -9 ${nameOf(fault.seat)}, started again after ${fault.awayMs} ms`;
    case "terminate":
      return `SIGTERM ${nameOf(fault.seat)}, started again after ${fault.awayMs} ms`;
    case "stop":
      return `SIGSTOP ${nameOf(fault.seat)} for ${fault.awayMs} ms`;
    case "deploy":
      return `deploy of ${fault.component}: one member after the other`;
    case "redisKill":
      return `kill -9 Redis, started again after ${fault.awayMs} ms`;
    case "redisStop":
      return `SIGSTOP Redis for ${fault.awayMs} ms`;
    case "pause":
      return `CLIENT PAUSE ${fault.awayMs} ${fault.mode}`;
    case "clientKill":
      return "CLIENT KILL of every connection";
    case "scriptFlush":
      return "SCRIPT FLUSH";
    case "cut":
      return fault.isHalf ? "every connection reset, unnoticed by the server" : "every connection reset";
    case "refuse":
      return `connections refused for ${fault.awayMs} ms`;
    case "blackHole":
      return `every connection black-holed, new ones for ${fault.awayMs} ms`;
    case "venueKill":
      return `kill -9 the venue, started again after ${fault.awayMs} ms`;
    case "venueStop":
      return `SIGSTOP the venue for ${fault.awayMs} ms`;
    case "venueCut":
      return "every session with the venue reset";
    case "delay":
      return `replies ${fault.delayMs} ms late for ${fault.awayMs} ms`;
    case "failover":
      return `kill -9 the primary of partition ${fault.partition}, started again when its replica has taken its place`;
    case "promote":
      return `CLUSTER FAILOVER of the primary of partition ${fault.partition}`;
    case "move":
      return `the slot of partition ${fault.partition} moves to another primary`;
  }
}

export function nameOf({ component, number }: Seat): string {
  return `${component} ${number}`;
}

function seat(random: () => number): Seat {
  return { component: pick(random, componentNames), number: between(random, 1, membersOfEach) };
}

function pick<T>(random: () => number, from: readonly T[]): T {
  return from[between(random, 0, from.length - 1)] as T;
}

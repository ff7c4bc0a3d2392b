/** What a seed stands for: the members, the load, and the faults. Plain values, so that a failing plan can be made smaller. */

import { type CommonFaultKind, extentOf, type Lie, type PlannedFault } from "./fault-plan.ts";
import { Random } from "./random.ts";

export type ChannelName = "parking" | "blocking" | "batched";

/** An event to publish, and what becomes of it in its handler. */
export interface PlannedEvent {
  readonly id: string;
  /** True time, ms. */
  readonly at: number;
  readonly channel: ChannelName;
  readonly key: string;
  readonly handlerMs: number;
  /** Attempts that throw before one succeeds. */
  readonly fails: number;
  readonly isHopeless: boolean;
  /** Starts that kill their process before one does not. */
  readonly kills: number;
  /** `none`: it is only acknowledged. `frail`: its output goes where it may be refused. */
  readonly effect: "none" | "sound" | "frail";
  /** It counts in a value that all keys share. */
  readonly isShared: boolean;
  /** It calls the outside. */
  readonly calls: boolean;
}

export type FaultKind =
  | CommonFaultKind
  | "destroyGroup"
  | "deleteStream"
  | "remove"
  | "trim"
  | "flush"
  | "nodeFailover"
  | "nodeAway";

export type Fault = PlannedFault<FaultKind>;

export interface Plan {
  readonly seed: number;
  readonly partitions: number;
  readonly members: number;
  readonly concurrency: number;
  readonly maxInFlight: number;
  readonly takeoverAfterMs: number;
  readonly latencyMs: number;
  readonly hasDuty: boolean;
  /** A second component reads one of the first one's channels, and what it publishes. */
  readonly hasFollower: boolean;
  readonly lies: readonly Lie[];
  /** The partitions are at nodes of their own, as on a cluster: outputs for another one are relayed. */
  readonly relays?: boolean;
  /** The component begins after the newest entry where it never was. */
  readonly isFromNow: boolean;
  readonly events: readonly PlannedEvent[];
  readonly faults: readonly Fault[];
}

/** Faults that come all at once, and from far away: what was sent when it was refused arrives when it is refused no more. */
const burst: readonly FaultKind[] = ["full", "cutAll", "cutAll"];

/** Faults that go together in one history: what is drawn evenly from all would seldom meet. */
const themes: readonly (readonly FaultKind[])[] = [
  ["kill", "stop", "cut", "cutAll", "join"],
  ["stop", "suspend", "wallClock", "cut", "unreachable"],
  ["leave", "join", "leave", "join", "cut", "stop"],
  ["failover", "cut", "serverClock", "kill", "stop"],
  ["full", "cutAll", "spoil", "cut", "full", "kill"],
  ["spoil", "forbid", "kill", "spoil", "stop", "cut"],
  ["destroyGroup", "kill", "spoil", "cut", "destroyGroup"],
  ["loseBeats", "still", "unreachable", "join", "leave", "cutAll"],
  ["kill", "kill", "kill", "stop", "leave", "cut"],
  ["leave", "join"],
  burst,
  ["deleteStream", "flush", "failover", "destroyGroup", "cut"],
  ["remove", "trim", "failover", "cut", "remove"],
  ["failover", "stop", "unreachable", "failover"],
];

/** Histories of a cluster have the seeds beyond this one. */
export const clusterSeeds = 10_000_000;

/** Faults of one node. Of the others those that take nothing from the log, as only a node's part goes back. */
const clusterThemes: readonly (readonly FaultKind[])[] = [
  ["kill", "stop", "cut", "cutAll", "join"],
  ["leave", "join", "leave", "join", "cut", "stop"],
  ["nodeFailover", "cut", "kill", "stop"],
  ["nodeFailover", "nodeAway", "nodeFailover"],
  ["nodeAway", "kill", "leave", "join", "nodeAway"],
  ["nodeAway", "full", "spoil", "cut"],
  ["nodeFailover", "serverClock", "unreachable"],
];

export function planOf(seed: number): Plan {
  return seed > clusterSeeds ? clusterPlanOf(seed) : serverPlanOf(seed);
}

/** The same load, on two or three partitions. */
function clusterPlanOf(seed: number): Plan {
  const plan = serverPlanOf(seed);
  const random = new Random(seed, "cluster");
  const theme = random.pick(clusterThemes);
  const last = plan.events.at(-1)?.at ?? 0;
  const faults = Array.from({ length: random.between(1, 6) }, (): Fault => {
    const kind = random.pick(theme);
    return { kind, at: random.between(50, last + 600), which: random.between(0, 11), ...extentOf(kind, random) };
  });
  return {
    ...plan,
    relays: true,
    partitions: random.between(2, 3),
    hasFollower: false,
    isFromNow: false,
    faults: faults.sort((a, b) => a.at - b.at),
  };
}

function serverPlanOf(seed: number): Plan {
  const random = new Random(seed, "plan");
  // Dense and thin: in much of a long history members only beat.
  const loadMs = random.pick([500, 800, 2_000]);
  const keys = random.between(1, 4);
  const hasFailures = random.isLucky(0.5);
  const hasKillers = random.isLucky(0.08);
  const hasSlow = random.isLucky(0.15);
  const handlerMs = random.pick([5, 30, 150]);
  const events = Array.from({ length: random.between(12, 40) }, (_, i): PlannedEvent => {
    const fails = hasFailures && random.isLucky(0.2);
    return {
      id: `e${i}`,
      at: random.between(0, loadMs),
      channel: random.pick(["parking", "parking", "blocking", "blocking", "batched"]),
      key: `k${random.between(1, keys)}`,
      handlerMs: random.between(0, hasSlow && random.isLucky(0.1) ? 1_500 : handlerMs),
      fails: fails ? random.between(1, 5) : 0,
      isHopeless: hasFailures && random.isLucky(0.04),
      kills: hasKillers && random.isLucky(0.08) ? random.pick([1, 100]) : 0,
      effect: random.pick(["none", "sound", "sound", "frail", "frail"]),
      isShared: random.isLucky(0.3),
      calls: random.isLucky(0.3),
    };
  });
  const theme = random.pick(themes);
  const takeoverAfterMs = random.pick([500, 500, 800]);
  const burstAt = random.between(150, loadMs - 250);
  const faults = Array.from({ length: theme === burst ? 7 : random.between(1, 7) }, (): Fault => {
    const kind = random.pick(theme);
    const at = theme === burst ? burstAt + random.between(0, 900) : random.between(50, loadMs + 300);
    return { kind, at, which: random.between(0, 11), ...extentOf(kind, random) };
  });
  const lying = new Random(seed, "lies");
  const lies = lying.isLucky(0.15) ? lying.pick<readonly Lie[]>([["late"], ["twice"], ["late", "twice"]]) : [];
  return {
    seed,
    lies,
    partitions: random.between(1, 2),
    members: random.between(1, 3),
    concurrency: random.pick([1, 4, 16]),
    maxInFlight: random.pick([16, 64, 1_000]),
    takeoverAfterMs,
    latencyMs: theme === burst ? 20 : random.pick([1, 4, 20]),
    hasFollower: new Random(seed, "follower").isLucky(0.1),
    hasDuty: random.isLucky(0.15),
    isFromNow: random.isLucky(0.1),
    events: events.sort((a, b) => a.at - b.at),
    faults: faults.sort((a, b) => a.at - b.at),
  };
}

/** What a seed stands for: an outside system and what it says, the members that run its source, and the faults. Plain values. */

import { type CommonFaultKind, extentOf, type Lie, type PlannedFault } from "../fault-plan.ts";
import { Random } from "../random.ts";
import { withoutOne, withoutParts } from "../smaller-lists.ts";

/** A thing that the outside system says in one of its parts, one for each run. */
export interface PlannedMessage {
  /** True time, ms. */
  readonly at: number;
  readonly part: number;
  readonly key: string;
}

export type SourceFaultKind = CommonFaultKind | "hangUp";

export type SourceFault = PlannedFault<SourceFaultKind>;

export interface SourcePlan {
  readonly seed: number;
  readonly partitions: number;
  readonly members: number;
  readonly isSingle: boolean;
  /** Events lie with their run, not by their key. */
  readonly isPlaced: boolean;
  readonly takeoverAfterMs: number;
  readonly latencyMs: number;
  /** How the run appends: one after the other, several under way, what has come together, or that and then it ends. */
  readonly style: "single" | "pipelined" | "batched" | "poll";
  /** How long a run goes on when it is told to end, ms. */
  readonly deafMs: number;
  /** Most entries of a partition of the channel, as many as are ever appended together at least; 0: any number. Somebody trims it from time to time. */
  readonly cap: number;
  readonly lies: readonly Lie[];
  readonly messages: readonly PlannedMessage[];
  readonly faults: readonly SourceFault[];
}

/** Faults that go together in one history. */
const themes: readonly (readonly SourceFaultKind[])[] = [
  ["kill", "stop", "cut", "cutAll", "join", "hangUp"],
  ["stop", "suspend", "wallClock", "cut", "unreachable"],
  ["leave", "join", "leave", "join", "cut", "stop"],
  ["failover", "cut", "serverClock", "kill", "stop"],
  ["full", "cutAll", "spoil", "cut", "full", "kill", "leave"],
  ["spoil", "forbid", "kill", "stop", "cut", "leave"],
  ["loseBeats", "still", "unreachable", "join", "leave", "cutAll"],
  ["kill", "kill", "kill", "stop", "leave", "cut"],
  ["hangUp", "hangUp", "cut", "leave", "kill"],
  ["failover", "stop", "unreachable", "failover", "cut"],
];

export function sourcePlanOf(seed: number): SourcePlan {
  const random = new Random(seed, "source plan");
  const partitions = random.between(1, 3);
  const isSingle = random.isLucky(0.3);
  const parts = isSingle ? 1 : partitions;
  const loadMs = random.pick([500, 1_000, 2_500]);
  const messages = Array.from({ length: random.between(15, 60) }, (): PlannedMessage => {
    const at = random.between(0, loadMs);
    return { at, part: random.between(0, parts - 1), key: `k${random.between(1, 4)}` };
  });
  const theme = random.pick(themes);
  const faults = Array.from({ length: random.between(1, 8) }, (): SourceFault => {
    const kind = random.pick(theme);
    return { kind, at: random.between(50, loadMs + 400), which: random.between(0, 11), ...extentOf(kind, random) };
  });
  return {
    seed,
    partitions,
    members: random.between(1, 3),
    isSingle,
    isPlaced: random.isLucky(0.4),
    takeoverAfterMs: random.pick([500, 500, 800]),
    latencyMs: random.pick([1, 4, 20]),
    style: random.pick(["single", "pipelined", "pipelined", "batched", "poll"] as const),
    deafMs: random.pick([0, 0, 0, 200, 1_500]),
    cap: random.isLucky(0.25) ? random.between(5, 12) : 0,
    lies: random.isLucky(0.15) ? random.pick([["late"], ["twice"], ["late", "twice"]] as const) : [],
    messages: messages.sort((a, b) => a.at - b.at),
    faults: faults.sort((a, b) => a.at - b.at),
  };
}

/** Plans with less in them, for whoever makes a failing one smaller. */
export function* smallerSourcePlans(plan: SourcePlan): Iterable<SourcePlan> {
  const { faults, messages } = plan;
  for (const rest of withoutParts(messages)) yield { ...plan, messages: rest };
  for (const rest of withoutOne(faults)) yield { ...plan, faults: rest };
  for (const rest of withoutOne(messages)) yield { ...plan, messages: rest };
  if (plan.members > 1) yield { ...plan, members: plan.members - 1 };
  if (plan.deafMs > 0) yield { ...plan, deafMs: 0 };
  if (plan.cap > 0) yield { ...plan, cap: 0 };
  if (plan.lies.length > 0) yield { ...plan, lies: [] };
  if (plan.style !== "single") yield { ...plan, style: "single" };
}

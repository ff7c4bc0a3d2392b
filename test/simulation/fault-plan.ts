/** A planned fault, whatever it happens to: plain values. */

import type { Random } from "./random.ts";

/** What may go wrong with members of any kind, their connections and their server. */
export type CommonFaultKind =
  | "kill"
  | "stop"
  | "suspend"
  | "leave"
  | "join"
  | "cut"
  | "cutAll"
  | "unreachable"
  | "still"
  | "failover"
  | "full"
  | "spoil"
  | "forbid"
  | "loseBeats"
  | "wallClock"
  | "serverClock";

export interface PlannedFault<K extends string> {
  readonly kind: K;
  readonly at: number;
  /** Which member, channel or part, modulo how many there are. */
  readonly which: number;
  /** How long it lasts, or how far a clock is set, or how much a failover loses, ms. */
  readonly ms: number;
  /** Of a failover: how far the new primary's clock is behind. */
  readonly backMs: number;
}

/** What the store does that it must not, or must not be harmed by: answers after its session is lost, does a call twice. */
export type Lie = "late" | "twice";

/** When a fault is over: a clock stays as it was set. */
export function endOf({ kind, at, ms }: PlannedFault<string>): number {
  return at + (kind.endsWith("Clock") ? 0 : Math.abs(ms));
}

export function extentOf(kind: string, random: Random): Pick<PlannedFault<string>, "ms" | "backMs"> {
  switch (kind) {
    case "stop":
    case "suspend":
    case "unreachable":
      return { ms: random.pick([50, 300, 700, 1_500, 2_500]), backMs: 0 };
    case "still":
      return { ms: random.pick([100, 400, 1_500]), backMs: 0 };
    case "nodeAway":
      return { ms: random.pick([50, 300, 1_000, 3_000]), backMs: 0 };
    case "nodeFailover":
      return { ms: random.pick([1, 20, 100, 400]), backMs: 0 };
    case "failover":
      return { ms: random.pick([1, 20, 100, 400]), backMs: random.isLucky(0.5) ? random.pick([5, 1_000, 60_000]) : 0 };
    case "full":
    case "spoil":
    case "forbid":
      return { ms: random.pick([30, 100, 400, 1_500]), backMs: 0 };
    case "wallClock":
    case "serverClock":
      return { ms: random.pick([-3_600_000, -500, 500, 3_600_000]), backMs: 0 };
    default:
      return { ms: random.between(0, 400), backMs: 0 };
  }
}

/** Histories that once violated something, as they were after they were made smaller: each with the mutation that brings it back. */

import type { Plan, PlannedEvent } from "./plan.ts";

export interface Regression {
  /** What holds now. */
  readonly what: string;
  /** The mutation with which it does not. */
  readonly mutation: string;
  readonly plan: Plan;
}

/** What most of them have in common. */
const plain = { partitions: 1, hasDuty: false, hasFollower: false, isFromNow: false, lies: [] } as const;

/** Handled at once, without an effect, but for what `more` says. */
function event(
  id: string,
  at: number,
  channel: PlannedEvent["channel"],
  key: string,
  more: Partial<PlannedEvent> = {},
): PlannedEvent {
  const rest = { handlerMs: 0, fails: 0, isHopeless: false, kills: 0, isShared: false, calls: false } as const;
  return { id, at, channel, key, effect: "none", ...rest, ...more };
}

export const regressions: readonly Regression[] = [
  {
    what: "a host whose wall clock was set back before it was suspended starts nothing",
    mutation: "clocks-that-disagree",
    plan: {
      ...plain,
      seed: 10923,
      members: 2,
      concurrency: 4,
      maxInFlight: 64,
      takeoverAfterMs: 500,
      latencyMs: 4,
      hasDuty: true,
      isFromNow: true,
      events: [event("e29", 681, "parking", "k2", { handlerMs: 4 })],
      faults: [
        { kind: "wallClock", at: 92, which: 3, ms: -3600000, backMs: 0 },
        { kind: "suspend", at: 105, which: 5, ms: 700, backMs: 0 },
      ],
    },
  },
  {
    what: "what was gone, and a failover brought back, is handled",
    mutation: "gone-and-there-again",
    plan: {
      ...plain,
      seed: 58,
      members: 1,
      concurrency: 16,
      maxInFlight: 64,
      takeoverAfterMs: 800,
      latencyMs: 20,
      events: [
        event("e15", 12, "parking", "k1", { fails: 1, effect: "frail", calls: true }),
        event("e25", 401, "parking", "k1", { handlerMs: 5, effect: "frail", isShared: true }),
        event("e16", 431, "parking", "k1", { handlerMs: 4 }),
        event("e24", 473, "parking", "k1", { handlerMs: 3 }),
        event("e14", 673, "parking", "k1", { handlerMs: 1, fails: 2 }),
        event("e19", 678, "batched", "k1", { handlerMs: 2, fails: 2 }),
        event("e27", 740, "batched", "k1", { handlerMs: 1 }),
        event("e18", 794, "parking", "k1", { handlerMs: 2, effect: "frail" }),
        event("e12", 900, "blocking", "k1", { handlerMs: 3, effect: "sound", isShared: true }),
      ],
      faults: [
        { kind: "failover", at: 1189, which: 8, ms: 100, backMs: 0 },
        { kind: "deleteStream", at: 1213, which: 11, ms: 7, backMs: 0 },
      ],
    },
  },
  {
    what: "who leaves starts nothing although its session is lost in a handover",
    mutation: "goes-on-while-it-leaves",
    plan: {
      ...plain,
      seed: 17,
      members: 1,
      concurrency: 1,
      maxInFlight: 16,
      takeoverAfterMs: 500,
      latencyMs: 20,
      isFromNow: true,
      events: [
        event("e26", 73, "batched", "k1", { handlerMs: 1 }),
        event("e27", 97, "blocking", "k2", { handlerMs: 2, effect: "sound", isShared: true }),
        event("e24", 105, "batched", "k1", { calls: true }),
        event("e3", 129, "blocking", "k1", { handlerMs: 3, effect: "frail" }),
        event("e32", 224, "blocking", "k1", { handlerMs: 3 }),
        event("e7", 266, "parking", "k1", { handlerMs: 2 }),
        event("e19", 305, "blocking", "k1", { handlerMs: 4 }),
      ],
      faults: [
        { kind: "join", at: 54, which: 8, ms: 2, backMs: 0 },
        { kind: "unreachable", at: 269, which: 6, ms: 50, backMs: 0 },
        { kind: "leave", at: 771, which: 3, ms: 329, backMs: 0 },
        { kind: "leave", at: 858, which: 2, ms: 254, backMs: 0 },
      ],
    },
  },
  {
    what: "an owner that was out of touch for long takes its partition again before it goes on",
    mutation: "goes-on-after-long-silence",
    plan: {
      ...plain,
      seed: 11412,
      partitions: 2,
      members: 2,
      concurrency: 4,
      maxInFlight: 16,
      takeoverAfterMs: 500,
      latencyMs: 20,
      events: [event("e7", 1682, "blocking", "k1", { handlerMs: 3, calls: true })],
      faults: [
        { kind: "unreachable", at: 1354, which: 8, ms: 300, backMs: 0 },
        { kind: "failover", at: 1708, which: 10, ms: 400, backMs: 0 },
      ],
    },
  },
  {
    what: "what was read over a lost session is not handled: a failover may have lost it",
    mutation: "read-over-a-lost-session",
    plan: {
      ...plain,
      seed: 243_589,
      lies: ["late"],
      partitions: 2,
      members: 2,
      concurrency: 16,
      maxInFlight: 16,
      takeoverAfterMs: 800,
      latencyMs: 20,
      events: [
        event("e0", 14, "parking", "k4", { handlerMs: 14 }),
        event("e7", 66, "blocking", "k2", { handlerMs: 116, calls: true }),
        event("e1", 77, "batched", "k1", { handlerMs: 84, effect: "frail", isShared: true }),
        event("e16", 78, "blocking", "k1", { handlerMs: 92 }),
        event("e17", 146, "parking", "k1", { handlerMs: 147 }),
        event("e3", 158, "blocking", "k3", { handlerMs: 91, effect: "sound" }),
        event("e13", 159, "blocking", "k4", { handlerMs: 58, effect: "frail" }),
        event("e5", 161, "blocking", "k1", { handlerMs: 19 }),
        event("e6", 229, "parking", "k2", { handlerMs: 73, effect: "frail" }),
        event("e11", 274, "parking", "k3", { handlerMs: 106 }),
        event("e9", 357, "batched", "k2", { handlerMs: 59 }),
        event("e15", 412, "parking", "k1", { handlerMs: 147, effect: "frail" }),
        event("e2", 431, "parking", "k3", { handlerMs: 39, effect: "sound", calls: true }),
      ],
      faults: [
        { kind: "cut", at: 179, which: 10, ms: 385, backMs: 0 },
        { kind: "failover", at: 411, which: 8, ms: 1, backMs: 0 },
        { kind: "trim", at: 641, which: 6, ms: 325, backMs: 0 },
      ],
    },
  },
  {
    what: "an owner goes on although a store answers after its session is lost",
    mutation: "acquired-over-a-lost-session",
    plan: {
      ...plain,
      seed: 53,
      lies: ["late"],
      partitions: 2,
      members: 3,
      concurrency: 1,
      maxInFlight: 64,
      takeoverAfterMs: 500,
      latencyMs: 20,
      events: [
        event("e8", 0, "parking", "k2", { handlerMs: 4, effect: "sound", calls: true }),
        event("e27", 37, "parking", "k4", { handlerMs: 5, effect: "sound" }),
        event("e24", 50, "parking", "k1", { effect: "frail", isShared: true }),
        event("e26", 54, "parking", "k2", { handlerMs: 4, effect: "frail", isShared: true }),
        event("e18", 96, "blocking", "k4", { handlerMs: 2, effect: "frail", isShared: true }),
        event("e13", 125, "blocking", "k2", { handlerMs: 1376 }),
        event("e2", 127, "parking", "k3", { handlerMs: 4, isHopeless: true, effect: "sound" }),
        event("e29", 164, "batched", "k1", { effect: "frail" }),
        event("e21", 217, "parking", "k2", { effect: "frail" }),
        event("e3", 243, "blocking", "k2", { effect: "frail", calls: true }),
        event("e0", 248, "blocking", "k3", { effect: "frail", isShared: true, calls: true }),
        event("e5", 260, "blocking", "k3", { effect: "frail", isShared: true }),
        event("e15", 296, "blocking", "k2", { handlerMs: 834, effect: "sound" }),
        event("e30", 299, "batched", "k2", { handlerMs: 2, fails: 4, effect: "sound", isShared: true }),
        event("e14", 339, "parking", "k1", { handlerMs: 1, effect: "frail" }),
        event("e6", 352, "blocking", "k4", { effect: "frail", calls: true }),
        event("e9", 377, "parking", "k4", { handlerMs: 4, fails: 5 }),
        event("e16", 486, "parking", "k3", { effect: "frail", calls: true }),
        event("e22", 503, "blocking", "k1", { handlerMs: 2, fails: 1, effect: "sound", isShared: true }),
      ],
      faults: [
        { kind: "cutAll", at: 460, which: 10, ms: 202, backMs: 0 },
        { kind: "full", at: 867, which: 5, ms: 1500, backMs: 0 },
        { kind: "cutAll", at: 1101, which: 2, ms: 9, backMs: 0 },
        { kind: "cutAll", at: 1219, which: 9, ms: 221, backMs: 0 },
      ],
    },
  },
  {
    what: "nothing is settled that a failover has lost",
    mutation: "not-compared-with-the-log",
    plan: {
      ...plain,
      seed: 1,
      lies: ["late", "twice"],
      partitions: 2,
      members: 1,
      concurrency: 4,
      maxInFlight: 16,
      takeoverAfterMs: 500,
      latencyMs: 20,
      events: [
        event("e3", 19, "blocking", "k1", { handlerMs: 5, fails: 1, effect: "sound", isShared: true }),
        event("e7", 84, "parking", "k2", { handlerMs: 5, effect: "sound" }),
        event("e4", 244, "blocking", "k1", { handlerMs: 4, isHopeless: true }),
        event("e1", 251, "blocking", "k1", { handlerMs: 3 }),
        event("e2", 269, "parking", "k2", { handlerMs: 5 }),
        event("e9", 300, "blocking", "k2", { handlerMs: 1 }),
        event("e10", 318, "blocking", "k2", { handlerMs: 2 }),
        event("e6", 436, "blocking", "k1", { handlerMs: 5 }),
        event("e14", 571, "parking", "k2", { handlerMs: 2 }),
        event("e13", 574, "parking", "k2", { handlerMs: 4 }),
        event("e8", 650, "blocking", "k2", { handlerMs: 5, effect: "frail", isShared: true, calls: true }),
      ],
      faults: [{ kind: "failover", at: 506, which: 8, ms: 100, backMs: 0 }],
    },
  },
  {
    what: "no dead letter is written before it is known whether its entry may be acknowledged",
    mutation: "dead-letters-again-and-again",
    plan: {
      ...plain,
      seed: 25,
      members: 1,
      concurrency: 4,
      maxInFlight: 16,
      takeoverAfterMs: 800,
      latencyMs: 20,
      events: [
        event("e20", 136, "batched", "k1", { handlerMs: 123, isHopeless: true }),
        event("e11", 164, "parking", "k1", { handlerMs: 146, effect: "frail" }),
      ],
      faults: [
        { kind: "spoil", at: 323, which: 6, ms: 100, backMs: 0 },
        { kind: "forbid", at: 552, which: 2, ms: 1500, backMs: 0 },
      ],
    },
  },
  {
    what: "a partition goes on whose member's wall clock was set back and forward between two confirmations",
    mutation: "nobody-is-told-that-it-may-start",
    plan: {
      ...plain,
      seed: 509561,
      members: 1,
      concurrency: 16,
      maxInFlight: 16,
      takeoverAfterMs: 500,
      latencyMs: 4,
      events: [event("e6", 212, "blocking", "k1", { handlerMs: 4, fails: 1 })],
      faults: [
        { kind: "wallClock", at: 258, which: 11, ms: -3600000, backMs: 0 },
        { kind: "wallClock", at: 277, which: 9, ms: 3600000, backMs: 0 },
      ],
    },
  },
  {
    what: "a batch of a lost connection that is written after its refusal is not settled again",
    mutation: "a-batch-that-was-given-up-is-written",
    plan: {
      ...plain,
      seed: 526764,
      lies: ["late"],
      partitions: 2,
      members: 2,
      concurrency: 4,
      maxInFlight: 64,
      takeoverAfterMs: 800,
      latencyMs: 20,
      events: [
        event("e9", 38, "blocking", "k2", { handlerMs: 25 }),
        event("e10", 48, "parking", "k2", { handlerMs: 21, isHopeless: true, effect: "frail" }),
        event("e23", 69, "blocking", "k1", { handlerMs: 5, effect: "frail" }),
        event("e4", 128, "blocking", "k2", { handlerMs: 5 }),
        event("e18", 129, "batched", "k2", { handlerMs: 29, calls: true }),
        event("e19", 163, "batched", "k2", { handlerMs: 15 }),
        event("e21", 180, "blocking", "k2", { handlerMs: 23 }),
        event("e7", 181, "parking", "k2", { handlerMs: 4 }),
        event("e2", 182, "blocking", "k2", { handlerMs: 6, effect: "sound", isShared: true }),
        event("e26", 218, "parking", "k1", { handlerMs: 14, effect: "frail", isShared: true }),
        event("e0", 257, "batched", "k2", { handlerMs: 24 }),
        event("e11", 387, "blocking", "k2", { handlerMs: 7 }),
      ],
      faults: [
        { kind: "cutAll", at: 319, which: 4, ms: 392, backMs: 0 },
        { kind: "full", at: 522, which: 6, ms: 30, backMs: 0 },
        { kind: "cutAll", at: 539, which: 11, ms: 58, backMs: 0 },
      ],
    },
  },
];

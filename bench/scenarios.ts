/** What is compared: the work, who takes part with how many events a round, and which ratios are aimed at. */

import type { Work } from "./contender.ts";
import type { ContenderName } from "./contenders.ts";

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly work: Work;
  /** Whether the events are published before the round. */
  readonly isBacklog: boolean;
  /** Which of a sample's measurements counts. */
  readonly measurement: string;
  readonly unit: string;
  /** More of a rate is better, less of a cost. */
  readonly better: "more" | "less";
  /** Events a round. Slower ones get fewer, so that a round takes everybody about as long. */
  readonly entrants: readonly { readonly contender: ContenderName; readonly count: number }[];
  /** Whom the ratios are taken to. */
  readonly references: readonly ContenderName[];
  readonly aims: readonly Aim[];
}

/** `contender` is at least `ratio` times as good as `against`. */
export interface Aim {
  readonly contender: ContenderName;
  readonly against: ContenderName;
  readonly ratio: number;
}

const rate = { measurement: "perSecond", unit: "events/s", better: "more", references: ["ioredis", "bullmq"] } as const;
const everybody = (fast: number, slow: number): Scenario["entrants"] => [
  { contender: "ioredis", count: fast },
  { contender: "throughline", count: fast },
  { contender: "bullmq", count: slow },
  { contender: "bullmq-otel", count: slow },
];

export const scenarios: readonly Scenario[] = [
  {
    ...rate,
    name: "publish",
    title: "Publish in bulk",
    work: "publish",
    isBacklog: false,
    entrants: everybody(200_000, 40_000),
    aims: [
      { contender: "throughline", against: "ioredis", ratio: 1 },
      { contender: "throughline", against: "bullmq", ratio: 5 },
    ],
  },
  {
    ...rate,
    name: "consume",
    title: "Consume and settle",
    work: "consume",
    isBacklog: true,
    entrants: everybody(200_000, 20_000),
    aims: [
      { contender: "throughline", against: "ioredis", ratio: 0.8 },
      { contender: "throughline", against: "bullmq", ratio: 5 },
    ],
  },
  {
    ...rate,
    name: "transform",
    title: "Consume, transform, produce",
    work: "transform",
    isBacklog: true,
    entrants: everybody(100_000, 10_000),
    aims: [],
  },
  {
    name: "tracing",
    title: "Tracing API without an SDK: send and process, an event",
    work: "tracing",
    isBacklog: false,
    measurement: "eventMicros",
    unit: "µs",
    better: "less",
    entrants: [{ contender: "throughline", count: 200_000 }],
    references: [],
    aims: [],
  },
];

/** Latency from the moment at which an event is due to the start of its handler, at three rates. */

import type { ContenderName } from "../contenders.ts";
import type { Aim, Scenario } from "../scenario.ts";
import { entrant, shaped } from "./entrants.ts";

/** The rate that the aims are for. */
const aimedAt = 1_000;
const aims: readonly Aim[] = [
  { of: "throughline", against: "ioredis", measurement: "p50Ms", atMost: 1.5 },
  { of: "throughline", against: "ioredis", measurement: "p99Ms", atMost: 2 },
  { of: "throughline eight partitions", against: "throughline", measurement: "p50Ms", atMost: 1.1 },
];

export const latencies: readonly Scenario[] = [latency(100, 200), latency(aimedAt, 2_000), latency(10_000, 20_000)];

function latency(perSecond: number, count: number): Scenario {
  const names: readonly ContenderName[] = ["ioredis", "throughline", "throughline-100"];
  return {
    name: `latency-${perSecond}`,
    title: `Latency, publish to handler, at ${perSecond.toLocaleString("en")} events/s`,
    about:
      "Producer and consumer are two processes. Bare: XADD, and a loop of blocked XREADGROUP. An event's time begins when it was due, " +
      "even if the producer was late. The columns are of a round, then the median of the rounds.",
    work: "latency",
    isBacklog: false,
    measurement: "p50Ms",
    unit: "ms, median",
    better: "less",
    entrants: [
      ...names.map((name) => entrant(name, count, { perSecond })),
      shaped("throughline", "eight partitions", count, { perSecond, partitions: 8 }),
    ],
    references: ["ioredis"],
    aims: perSecond === aimedAt ? aims : [],
    warmUpRounds: 1,
    inChart: perSecond === aimedAt,
  };
}

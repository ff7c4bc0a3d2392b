/** A scenario of three contenders, and its result: what tests of the reports are given. */

import type { Sample } from "../../bench/contender.ts";
import type { Machine } from "../../bench/machine.ts";
import type { BenchRecord } from "../../bench/report/record.ts";
import type { Scenario } from "../../bench/scenario.ts";
import { entrant, rate } from "../../bench/scenarios/entrants.ts";
import { evaluate, type Result } from "../../bench/statistics.ts";

export const machine: Machine = {
  at: "2026-11-23T10:00:00.000Z",
  processor: "Abacus <9>",
  cores: 2,
  memoryGiB: 24,
  system: "Linux 6",
  versions: { server: "redis-server 7.0.15", node: "24.21.0" },
};

export function scenarioOf(changes: Partial<Scenario> = {}): Scenario {
  return {
    ...rate,
    name: "publish",
    title: "Publish in bulk",
    work: "publish",
    isBacklog: false,
    entrants: [entrant("ioredis", 10), entrant("throughline", 10), entrant("redis-benchmark", 10)],
    references: ["ioredis"],
    aims: [
      { of: "throughline", against: "ioredis", atLeast: 1.3 },
      { of: "throughline", against: "ioredis", measurement: "clientMicros", atMost: 0.6 },
      { of: "throughline", measurement: "clientMicros", atMost: 3 },
      { of: "throughline", against: "redis-benchmark", atLeast: 0.1 },
    ],
    inChart: true,
    ...changes,
  };
}

/** The second round was slow for both: by rounds the ratios are 2, 1.2 and 1.1, by medians 1.83. */
export const rates: ReadonlyMap<string, readonly Sample[]> = new Map([
  ["ioredis", [sample(100, 5), sample(50, 6), sample(120, 5)]],
  ["throughline", [sample(200, 3), sample(60, 4), sample(132, 4)]],
]);

function sample(perSecond: number, clientMicros: number): Sample {
  return { perSecond, clientMicros };
}

export function resultOf(changes: Partial<Scenario> = {}): Result {
  return evaluate(scenarioOf(changes), rates, { scale: 1, absent: { "redis-benchmark": "it is not there" } });
}

export function recordOf(...results: Result[]): BenchRecord {
  return { machine, results };
}

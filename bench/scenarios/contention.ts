/** Several members of one component on few keys: what order and latency are left when they meet. */

import type { Shape } from "../contender.ts";
import type { Aim, Entrant, Scenario } from "../scenario.ts";
import { shaped } from "./entrants.ts";

const counts = [1, 2, 4, 8];
const partitionCounts = [1, 8];

function entrantsOf(count: number, shape: Shape): readonly Entrant[] {
  return partitionCounts.flatMap((partitions) =>
    counts.map((members) =>
      shaped("throughline", `${members} members, ${partitions} partitions`, count, { ...shape, members, partitions }),
    ),
  );
}

function aimsOf(entrants: readonly Entrant[], p99Ms: number): readonly Aim[] {
  return entrants.flatMap(({ name: of }) => [
    { of, atMost: p99Ms },
    { of, measurement: "inversions", atMost: 0 },
    { of, measurement: "runs", atMost: 1 },
  ]);
}

const reading = {
  work: "contention",
  isBacklog: false,
  measurement: "p99Ms",
  unit: "ms",
  better: "less",
  references: ["throughline 1 members, 1 partitions"],
  warmUpRounds: 1,
  maxRounds: 2,
} as const;

const about =
  "Each member is a process and makes an output of each event. `p99Ms`: from an event's entry to its output's, by their ids. `inversions`: share of " +
  "the outputs that stand behind one of a later event of their key. `runs`: handler runs for each event.";

const steady = entrantsOf(20_000, { perSecond: 4_000 });
const burst = entrantsOf(20_000, {});

export const contention: readonly Scenario[] = [
  {
    ...reading,
    name: "contention",
    title: "4,000 events a second on five keys, by members and partitions",
    about,
    entrants: steady,
    aims: aimsOf(steady, 40),
  },
  {
    ...reading,
    name: "contention-burst",
    title: "A burst of 20,000 events on five keys, by members and partitions",
    about,
    entrants: burst,
    aims: aimsOf(burst, 400),
  },
];

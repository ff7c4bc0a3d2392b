/** Publishing: in bulk, and one by one as a request handler does. */

import type { Scenario } from "../scenario.ts";
import { bulkAims, entrant, everybody, rate } from "./entrants.ts";

export const publish: Scenario = {
  ...rate,
  name: "publish",
  title: "Publish in bulk",
  about: "Chunks of 500, two under way: a pipeline, `addBulk`, or `publish` called 500 times.",
  work: "publish",
  isBacklog: false,
  entrants: [
    ...everybody(100_000, 10_000),
    entrant("redis-benchmark", 100_000),
    entrant("redis-benchmark-script", 100_000),
  ],
  references: ["ioredis", "bullmq-otel"],
  aims: bulkAims(1.3, 1, 0.45, 1),
  inChart: true,
};

export const publishOne: Scenario = {
  ...rate,
  name: "publish-1",
  title: "Publish one by one, each awaited",
  work: "publishEach",
  isBacklog: false,
  entrants: each(5_000, 1),
  references: ["ioredis", "bullmq-otel"],
  aims: [],
  warmUpRounds: 1,
};

export const publish64: Scenario = {
  ...rate,
  name: "publish-64",
  title: "Publish, 64 at once, each awaited",
  work: "publishEach",
  isBacklog: false,
  entrants: each(50_000, 64),
  references: ["ioredis", "bullmq-otel"],
  aims: [],
  warmUpRounds: 1,
};

function each(count: number, atOnce: number): Scenario["entrants"] {
  const names = ["ioredis", "node-redis", "throughline", "throughline-100", "redis-benchmark"] as const;
  return [
    ...names.map((name) => entrant(name, count, { atOnce })),
    entrant("bullmq-otel", Math.ceil(count / 5), { atOnce }),
  ];
}

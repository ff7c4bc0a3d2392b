/** Consuming a backlog: settles each event, or makes another one of it. */

import type { Scenario } from "../scenario.ts";
import { bulkAims, entrant, everybody, rate } from "./entrants.ts";

export const consume: Scenario = {
  ...rate,
  name: "consume",
  title: "Consume and settle",
  about: "Bare: 500 a read, the next read under way, one XACK for each read; neither traced nor fenced.",
  work: "consume",
  isBacklog: true,
  entrants: everybody(200_000, 10_000),
  references: ["ioredis", "bullmq-otel"],
  aims: bulkAims(0.95, 0.8, 0.4, 1),
  inChart: true,
};

export const transform: Scenario = {
  ...rate,
  name: "transform",
  title: "Consume, transform, produce",
  about: "Throughline: atomic and fenced. Bare: one script for 100 events, unfenced. BullMQ: not atomic.",
  work: "transform",
  isBacklog: true,
  entrants: everybody(150_000, 5_000),
  references: ["ioredis", "bullmq-otel"],
  aims: bulkAims(0.9, 0.7, 0.35, 2),
  inChart: true,
};

export const batch: Scenario = {
  ...rate,
  name: "batch",
  title: "Batch handler: consume and settle, up to 100 together",
  work: "batch",
  isBacklog: true,
  entrants: [
    entrant("ioredis", 50_000),
    ...(["throughline", "throughline-1", "throughline-100"] as const).map((name) => entrant(name, 50_000)),
  ],
  references: ["ioredis"],
  aims: [],
  warmUpRounds: 1,
};

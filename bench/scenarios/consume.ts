/** Consuming a backlog: settles each event, or makes another one of it. */

import type { Scenario } from "../scenario.ts";
import { bulkAims, entrant, everybody, rate, shaped } from "./entrants.ts";

export const consume: Scenario = {
  ...rate,
  name: "consume",
  title: "Consume and settle",
  about:
    "Bare: 500 a read, the next read under way, one XACK for each read; neither traced nor fenced. By cursor: XREAD, and a SET of the position " +
    "instead of the XACK.",
  work: "consume",
  isBacklog: true,
  entrants: [
    ...everybody(200_000, 10_000),
    shaped("throughline", "eight partitions", 200_000, { partitions: 8 }),
    entrant("ioredis-cursor", 200_000),
  ],
  references: ["ioredis", "ioredis-cursor", "bullmq-otel"],
  aims: [...bulkAims(1, 0.8, 0.4, 1), { of: "throughline eight partitions", against: "throughline", atLeast: 0.95 }],
  inChart: true,
};

export const transform: Scenario = {
  ...rate,
  name: "transform",
  title: "Consume, transform, produce",
  about:
    "Throughline: atomic and fenced. Bare: one script for 100 events, unfenced; by cursor, the script sets the position. BullMQ: not atomic.",
  work: "transform",
  isBacklog: true,
  entrants: [...everybody(150_000, 5_000), entrant("ioredis-cursor", 150_000)],
  references: ["ioredis", "ioredis-cursor", "bullmq-otel"],
  aims: bulkAims(0.7, 0.55, 0.35, 2),
  inChart: true,
};

export const batch: Scenario = {
  ...rate,
  name: "batch",
  title: "Batch handler: consume and settle, up to 100 together",
  work: "batch",
  isBacklog: true,
  entrants: [
    ...(["ioredis", "ioredis-cursor"] as const).map((name) => entrant(name, 50_000)),
    ...(["throughline", "throughline-1", "throughline-100"] as const).map((name) => entrant(name, 50_000)),
  ],
  references: ["ioredis", "ioredis-cursor"],
  aims: [],
  warmUpRounds: 1,
};

export const state: Scenario = {
  ...rate,
  name: "state",
  title: "Keyed state: a read and a write of one of 101 keys for each event",
  about:
    "Throughline: each event's write is settled with its position, atomic and fenced; what was read stays with the owner. Bare: sums in " +
    "memory, those that have changed written once a read, in a transaction with the XACK or the position; nothing is read again after a crash.",
  work: "state",
  isBacklog: true,
  entrants: (["ioredis", "ioredis-cursor", "throughline", "throughline-1", "throughline-100"] as const).map((name) =>
    entrant(name, 50_000),
  ),
  references: ["ioredis", "ioredis-cursor"],
  aims: [],
  warmUpRounds: 1,
};

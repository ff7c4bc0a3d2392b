/** The three components of the trading pipeline together. */

import type { Scenario } from "../scenario.ts";
import { entrant, rate } from "./entrants.ts";

export const pipeline: Scenario = {
  ...rate,
  name: "pipeline",
  title: "Trading pipeline: Order Manager, Algorithm, Order Sender in one process",
  about:
    "From orders that are placed, each known by its id, to executions that are recorded, with a venue as a process of its own between. Throughline does all " +
    "that `npm start` does without its display. By hand, with the same netting, slicing, records, entries and venue: acknowledged last, without ownership, " +
    "fences, schemas and traces; with BullMQ likewise. Every order becomes ten entries or more. The venue's processor time is its own.",
  work: "pipeline",
  isBacklog: false,
  unit: "orders/s",
  entrants: [
    ...(["ioredis", "throughline", "throughline-1", "throughline-100"] as const).map((name) => entrant(name, 5_000)),
    ...(["bullmq", "bullmq-otel-100"] as const).map((name) => entrant(name, 2_000)),
  ],
  references: ["ioredis"],
  aims: [
    { of: "throughline", against: "ioredis", atLeast: 0.5 },
    { of: "throughline-1", against: "ioredis", atLeast: 0.4 },
    { of: "throughline-100", against: "ioredis", atLeast: 0.25 },
    { of: "throughline", against: "ioredis", measurement: "clientMicros", atMost: 2.2 },
    { of: "throughline-100", against: "bullmq-otel-100", atLeast: 4 },
  ],
  warmUpRounds: 1,
  inChart: true,
};

/** From an order to its first execution at a steady rate, with a venue that takes 5 ms. */
export const roundTrip: Scenario = {
  name: "round-trip",
  title: "Latency, order to first execution, at 500 orders/s with a venue latency of 5 ms",
  about:
    "The three components in one process, the venue in another. An order's time begins when it was due, even if it was placed late, and " +
    "ends when its client would be told of its first execution.",
  work: "roundTrip",
  isBacklog: false,
  measurement: "p50Ms",
  unit: "ms, median",
  better: "less",
  entrants: (["throughline", "throughline-1", "throughline-100"] as const).map((name) =>
    entrant(name, 5_000, { perSecond: 500 }),
  ),
  references: ["throughline"],
  aims: [
    { of: "throughline", measurement: "p50Ms", atMost: 25 },
    { of: "throughline", measurement: "p99Ms", atMost: 80 },
  ],
  warmUpRounds: 1,
};

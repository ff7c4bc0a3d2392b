/** The three components of the trading pipeline together. */

import type { Scenario } from "../scenario.ts";
import { entrant, rate } from "./entrants.ts";

export const pipeline: Scenario = {
  ...rate,
  name: "pipeline",
  title: "Trading pipeline: Order Manager, Algorithm, Order Sender in one process",
  about:
    "From orders that are placed, each known by its id, to executions that are recorded, with a venue as a process of its own between; all that " +
    "`npm start` does without its display. Every order becomes six or more entries.",
  work: "pipeline",
  isBacklog: false,
  unit: "orders/s",
  entrants: (["throughline", "throughline-1", "throughline-100"] as const).map((name) => entrant(name, 5_000)),
  references: ["throughline"],
  aims: [],
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

/** The three components of the trading pipeline together. */

import type { Scenario } from "../scenario.ts";
import { entrant, rate } from "./entrants.ts";

export const pipeline: Scenario = {
  ...rate,
  name: "pipeline",
  title: "Trading pipeline: Order Manager, Algorithm, Order Sender in one process",
  about:
    "From orders that are placed, each known by its id, to executions that are recorded, with the simulated exchange between; all that " +
    "`npm start` does without its display. Every order becomes four or more entries.",
  work: "pipeline",
  isBacklog: false,
  unit: "orders/s",
  entrants: (["throughline", "throughline-1", "throughline-100"] as const).map((name) => entrant(name, 5_000)),
  references: ["throughline"],
  aims: [],
  warmUpRounds: 1,
  inChart: true,
};

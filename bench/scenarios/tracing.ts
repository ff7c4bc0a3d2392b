/** The cost of the tracing adapter in a process without an SDK. */

import type { Scenario } from "../scenario.ts";
import { entrant } from "./entrants.ts";

export const tracing: Scenario = {
  name: "tracing",
  title: "Tracing API without an SDK: send and process, an event",
  work: "tracing",
  isBacklog: false,
  measurement: "eventMicros",
  unit: "µs",
  better: "less",
  entrants: [entrant("throughline", 200_000)],
  references: [],
  aims: [],
};

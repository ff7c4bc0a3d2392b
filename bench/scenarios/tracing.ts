/** The cost of the tracing adapter, without an SDK and with one that keeps all spans. */

import type { Scenario } from "../scenario.ts";
import { entrant } from "./entrants.ts";

export const tracing: Scenario = {
  name: "tracing",
  title: "Tracing alone: send and process, an event",
  about: "Processor time, with the export of the two spans. No server takes part.",
  work: "tracing",
  isBacklog: false,
  measurement: "eventMicros",
  unit: "µs",
  better: "less",
  entrants: [entrant("throughline", 200_000), entrant("throughline-100", 200_000)],
  references: [],
  aims: [],
};

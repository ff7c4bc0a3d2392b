/** The cost of the fence: the settlement scripts against the same text without it. */

import type { Scenario } from "../scenario.ts";
import { entrant } from "./entrants.ts";

const fence: Omit<Scenario, "name" | "title" | "work"> = {
  about:
    "What is pending is settled, in batches as the settler sends them; nothing is read or handled. The server's processor time counts: " +
    "the scripts run there, and a machine that is busy otherwise does not change it much.",
  measurement: "redisMicros",
  unit: "µs Redis",
  better: "less",
  isBacklog: true,
  entrants: [entrant("unfenced", 100_000), entrant("fenced", 100_000)],
  references: ["unfenced"],
  aims: [{ of: "fenced", against: "unfenced", atMost: 1.05 }],
};

export const settle: Scenario = {
  ...fence,
  name: "settle",
  title: "The fence: settling with an output each",
  work: "settle",
};

export const acknowledge: Scenario = {
  ...fence,
  name: "acknowledge",
  title: "The fence: acknowledging alone",
  work: "acknowledge",
};

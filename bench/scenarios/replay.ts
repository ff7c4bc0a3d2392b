/** Replaying flat out, against publishing the same events. */

import type { Scenario } from "../scenario.ts";
import { entrant, rate } from "./entrants.ts";

const count = 200_000;

export const replaying: Scenario = {
  ...rate,
  name: "replay",
  title: "Republish flat out",
  about:
    "Beside plain publishing of the same events. A recording is checked as a whole before anything is written, which counts.",
  work: "publish",
  isBacklog: true,
  measurement: "perSecond",
  entrants: [
    entrant("throughline", count),
    entrant("throughline-replay", count),
    entrant("throughline-replay-log", count),
  ],
  references: ["throughline"],
  aims: [
    { of: "throughline-replay", against: "throughline", atLeast: 0.7 },
    { of: "throughline-replay-log", against: "throughline", atLeast: 0.7 },
  ],
};

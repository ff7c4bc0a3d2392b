/** Recording a channel to a file, and importing one. */

import type { Scenario } from "../scenario.ts";
import { entrant, rate } from "./entrants.ts";

const count = 200_000;
const entrants = [entrant("ioredis-files", count), entrant("throughline-files", count)];
const aims: Scenario["aims"] = [{ of: "throughline-files", against: "ioredis-files", atLeast: 0.5 }];

export const record: Scenario = {
  ...rate,
  name: "record",
  title: "Record a channel to a file",
  about: "Bare: the pages are read by XRANGE, 500 entries each, and thrown away.",
  work: "record",
  isBacklog: true,
  entrants,
  references: ["ioredis-files"],
  aims,
};

export const importing: Scenario = {
  ...rate,
  name: "import",
  title: "Import a recording",
  about:
    "Throughline checks the whole file first. Bare: a pipeline of 500 XADD, two under way, of entries that are made on the way.",
  work: "import",
  isBacklog: false,
  entrants,
  references: ["ioredis-files"],
  aims,
};

/** The bytes of an entry in Redis's memory. */

import type { Scenario } from "../scenario.ts";
import { entrant } from "./entrants.ts";

export const entryBytes: Scenario = {
  name: "entry-bytes",
  title: "Redis memory an entry, of 100,000",
  about:
    "Bare: payload and traceparent only. Throughline: all that a traced publish writes, with the correlation as baggage. `bytes` is all that the server's data has grown by, `streamBytes` the stream alone (MEMORY USAGE).",
  work: "entryBytes",
  isBacklog: false,
  measurement: "bytes",
  unit: "bytes",
  better: "less",
  entrants: [entrant("ioredis", 100_000), entrant("throughline-100", 100_000)],
  references: ["ioredis"],
  aims: [{ of: "throughline-100", against: "ioredis", atMost: 1.25 }],
  warmUpRounds: 0,
  maxRounds: 1,
};

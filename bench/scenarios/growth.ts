/** The growth of consuming with the components of a channel, the members of a component, and the backlog. */

import type { Entrant, Scenario } from "../scenario.ts";
import { rate, shaped } from "./entrants.ts";

export const components: Scenario = {
  ...rate,
  name: "components",
  title: "1, 4 and 16 components on a channel, in one process",
  about: "Each component handles and settles every event; a delivery is one event for one of them.",
  work: "components",
  isBacklog: true,
  unit: "deliveries/s",
  entrants: [1, 4, 16].map((n) => shaped("throughline", `× ${n}`, Math.ceil(64_000 / n), { components: n })),
  references: ["throughline × 1"],
  aims: [],
  warmUpRounds: 1,
};

const membersAbout =
  "Each member is a process of its own; they have shared the partitions among them before they begin. " +
  "`leastShare` is what the member with the fewest events had of an equal share.";

function memberCounts(counts: readonly number[], events: number): readonly Entrant[] {
  return counts.map((members) => shaped("throughline", `× ${members}`, events, { members, partitions: 8 }));
}

export const members: Scenario = {
  ...rate,
  name: "members",
  title: "A backlog for 1, 2 and 4 members of one component with eight partitions",
  about:
    `${membersAbout} On two cores four members are no faster; what counts is what an event costs all of them together. So many events because ` +
    "each process has to get warm: of 100,000 events that is a third of what four members cost.",
  work: "members",
  isBacklog: false,
  measurement: "clientMicros",
  unit: "µs an event",
  better: "less",
  entrants: memberCounts([1, 2, 4], 1_000_000),
  references: ["throughline × 1"],
  aims: [{ of: "throughline × 4", against: "throughline × 1", atMost: 1.15 }],
  warmUpRounds: 1,
  maxRounds: 3,
};

export const membersWaiting: Scenario = {
  ...rate,
  name: "members-waiting",
  title: "1, 2 and 4 members with eight partitions, whose handlers wait 5 ms",
  about: `${membersAbout} A member handles sixteen events at once.`,
  work: "membersWaiting",
  isBacklog: false,
  entrants: memberCounts([1, 2, 4], 30_000),
  references: ["throughline × 1"],
  aims: [{ of: "throughline × 4", against: "throughline × 1", atLeast: 3.5 }],
  warmUpRounds: 1,
};

/** Number of small backlogs, drained one after the other, so that they take about as long as the large one. */
const drains = 20;
const few = `${drains} × ten thousand`;
const many = "a million";

export const backlog: Scenario = {
  ...rate,
  name: "backlog",
  title: "Draining a backlog of a million",
  about:
    "One member in a process of its own. `peakRssMiB` is the highest of its memory, `growth` the highest of the last quarter against the " +
    "highest of the second.",
  work: "drain",
  isBacklog: false,
  entrants: [shaped("throughline", few, 10_000, { drains }), shaped("throughline", many, 1_000_000, { drains: 1 })],
  references: [`throughline ${few}`],
  aims: [
    { of: `throughline ${many}`, against: `throughline ${few}`, atLeast: 0.9 },
    { of: `throughline ${many}`, measurement: "peakRssMiB", atMost: 256 },
    { of: `throughline ${many}`, measurement: "growth", atMost: 1.1 },
  ],
  warmUpRounds: 1,
  maxRounds: 2,
};

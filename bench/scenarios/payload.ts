/** The growth of publishing and consuming with the payload. */

import type { Work } from "../contender.ts";
import type { Scenario } from "../scenario.ts";
import { rate, shaped } from "./entrants.ts";

const sizes = [
  { label: "100 B", payloadBytes: 100, count: 50_000 },
  { label: "1 kB", payloadBytes: 1_000, count: 30_000 },
  { label: "10 kB", payloadBytes: 10_000, count: 5_000 },
] as const;

export const payloads: readonly Scenario[] = [
  payload("publish", "Publish in bulk", false),
  payload("consume", "Consume and settle", true),
];

function payload(work: Work, title: string, isBacklog: boolean): Scenario {
  return {
    ...rate,
    name: `payload-${work}`,
    title: `${title}, by payload`,
    work,
    isBacklog,
    entrants: sizes.flatMap(({ label, payloadBytes, count }) =>
      (["ioredis", "throughline"] as const).map((name) => shaped(name, label, count, { payloadBytes })),
    ),
    references: sizes.map(({ label }) => `ioredis ${label}`),
    aims: [],
    warmUpRounds: 1,
  };
}

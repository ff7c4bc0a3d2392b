/** The building blocks of scenarios: the usual entrants, and the aims for their figures. */

import type { Shape } from "../contender.ts";
import { type ContenderName, contenders } from "../contenders.ts";
import type { Aim, Entrant, Scenario } from "../scenario.ts";

type Reading = Pick<Scenario, "measurement" | "unit" | "better">;

export const rate: Reading = { measurement: "perSecond", unit: "events/s", better: "more" };

/** A contender under its own name. */
export function entrant(contender: ContenderName, count: number, shape: Shape = {}): Entrant {
  return { name: contender, title: contenders[contender].title, contender, count, shape };
}

/** A contender in one of several shapes; `label` tells it from the others. */
export function shaped(contender: ContenderName, label: string, count: number, shape: Shape): Entrant {
  return { name: `${contender} ${label}`, title: `${contenders[contender].title}, ${label}`, contender, count, shape };
}

/** All contenders that can do a bulk work; BullMQ's rounds have fewer events. */
export function everybody(fast: number, slow: number): readonly Entrant[] {
  return [
    ...(["ioredis", "node-redis", "throughline", "throughline-1", "throughline-100"] as const).map((name) =>
      entrant(name, fast),
    ),
    ...(["bullmq", "bullmq-otel", "bullmq-otel-100"] as const).map((name) => entrant(name, slow)),
  ];
}

/**
 * The three ratios to bare ioredis, and those to BullMQ with as much telemetry. `spans` is the number of spans of an
 * event at the receiver.
 */
export function bulkAims(untraced: number, sampled1: number, sampled100: number, spans: number): readonly Aim[] {
  return [
    { of: "throughline", against: "ioredis", atLeast: untraced },
    { of: "throughline-1", against: "ioredis", atLeast: sampled1 },
    { of: "throughline-100", against: "ioredis", atLeast: sampled100 },
    { of: "throughline", against: "bullmq-otel", atLeast: 8 },
    { of: "throughline-1", against: "bullmq-otel", atLeast: 8 },
    { of: "throughline-100", against: "bullmq-otel-100", atLeast: 4 },
    // Speed does not count for a contender that loses spans.
    { of: "throughline-100", measurement: "spansReceived", atLeast: 0.99 * spans },
  ];
}

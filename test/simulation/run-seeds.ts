/** Runs the histories of a range of seeds, one after the other, until one fails. */

import { bothDigests, noDigest } from "./digest.ts";
import type { AnyPlan, Simulation } from "./simulation.ts";
import type { Outcome } from "./stage.ts";

export interface SeedsReport {
  readonly histories: number;
  readonly steps: number;
  readonly leastSteps: number;
  /** Of all of them. */
  readonly digest: string;
  /** The first that has violated something. */
  readonly failed: { readonly plan: AnyPlan; readonly outcome: Outcome } | undefined;
}

/** Both ends included. `onHistory` is called after each with the number of them so far. */
export async function runSeeds(
  { planOf, run }: Simulation,
  first: number,
  last: number,
  onHistory: (histories: number) => void = () => undefined,
): Promise<SeedsReport> {
  // Most errors of a history are expected, and nobody looks where they come from.
  Error.stackTraceLimit = 0;
  let [histories, steps, leastSteps] = [0, 0, Number.POSITIVE_INFINITY];
  let digest = noDigest;
  for (let seed = first; seed <= last; seed++) {
    const plan = planOf(seed);
    const outcome = await run(plan);
    histories++;
    steps += outcome.steps;
    leastSteps = Math.min(leastSteps, outcome.steps);
    digest = bothDigests(digest, outcome.digest);
    onHistory(histories);
    if (outcome.violations.length > 0) return { histories, steps, leastSteps, digest, failed: { plan, outcome } };
  }
  return { histories, steps, leastSteps, digest, failed: undefined };
}

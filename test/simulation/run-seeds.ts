/** Runs the histories of a range of seeds, one after the other, until one fails. */

import { type Plan, planOf } from "./plan.ts";
import { type Outcome, runPlan } from "./scenario.ts";

export interface SeedsReport {
  readonly histories: number;
  readonly steps: number;
  readonly leastSteps: number;
  /** The first that has violated something. */
  readonly failed: { readonly plan: Plan; readonly outcome: Outcome } | undefined;
}

/** Both ends included. `onHistory` is called after each with the number of them so far. */
export async function runSeeds(
  first: number,
  last: number,
  onHistory: (histories: number) => void = () => undefined,
): Promise<SeedsReport> {
  // Most errors of a history are expected, and nobody looks where they come from.
  Error.stackTraceLimit = 0;
  let [histories, steps, leastSteps] = [0, 0, Number.POSITIVE_INFINITY];
  for (let seed = first; seed <= last; seed++) {
    const plan = planOf(seed);
    const outcome = await runPlan(plan);
    histories++;
    steps += outcome.steps;
    leastSteps = Math.min(leastSteps, outcome.steps);
    onHistory(histories);
    if (outcome.violations.length > 0) return { histories, steps, leastSteps, failed: { plan, outcome } };
  }
  return { histories, steps, leastSteps, failed: undefined };
}

/** Makes a failing plan smaller, as long as it fails. */

import type { AnyPlan, Simulation } from "./simulation.ts";

/** Tries at most. */
const maxTries = 400;

export async function shrink<P extends AnyPlan>({ run, smaller }: Simulation<P>, plan: P): Promise<P> {
  let smallest = plan;
  let tries = 0;
  for (let hasShrunk = true; hasShrunk; ) {
    hasShrunk = false;
    for (const next of smaller(smallest)) {
      if (++tries > maxTries) return smallest;
      if ((await run(next)).violations.length === 0) continue;
      smallest = next;
      hasShrunk = true;
      break;
    }
  }
  return smallest;
}

/** The kinds of histories that a seed may stand for, each with its plans: what runs them, prints them and makes them smaller does not differ. */

import { type Plan, planOf } from "./plan.ts";
import { runPlan } from "./scenario.ts";
import { smallerPlans } from "./smaller-plans.ts";
import { type SourcePlan, smallerSourcePlans, sourcePlanOf } from "./sources/plan.ts";
import { runSourcePlan } from "./sources/scenario.ts";
import type { Outcome } from "./stage.ts";

export interface Simulation<P extends AnyPlan = AnyPlan> {
  readonly planOf: (seed: number) => P;
  readonly run: (plan: P, isTold?: boolean) => Promise<Outcome>;
  /** Plans with less in them. */
  readonly smaller: (plan: P) => Iterable<P>;
}

export interface AnyPlan {
  readonly seed: number;
  readonly faults: readonly { readonly kind: string }[];
}

export type SimulationName = "components" | "sources";

const components: Simulation<Plan> = { planOf, run: runPlan, smaller: smallerPlans };
const sources: Simulation<SourcePlan> = { planOf: sourcePlanOf, run: runSourcePlan, smaller: smallerSourcePlans };

/** @throws on a name that is none */
export function simulationOf(name: string): Simulation {
  // A plan goes back to the simulation that it comes from.
  if (name === "components") return components as unknown as Simulation;
  if (name === "sources") return sources as unknown as Simulation;
  throw new Error(`there is no simulation of "${name}": it is components or sources`);
}

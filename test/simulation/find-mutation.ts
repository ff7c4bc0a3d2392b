/**
 * `node --import ./mutate.ts find-mutation.ts FIRST MOST`: the first seed, of those whose faults concern it, that finds the mutation, as JSON;
 * or with a plan as JSON in place of FIRST, whether that one does.
 */

import { findMutation } from "./mutations.ts";
import { type AnyPlan, simulationOf } from "./simulation.ts";

const { name, faults, simulation = "components" } = findMutation(process.env["THROUGHLINE_MUTATION"] ?? "");
const [what = "1", most = "1"] = process.argv.slice(2);
const given = what.startsWith("{") ? (JSON.parse(what) as AnyPlan) : undefined;
const { planOf, run } = simulationOf(simulation);
const first = given?.seed ?? Number(what);
let histories = 0;
Error.stackTraceLimit = 0;
let seed = first;

function report(violation: string | undefined): void {
  process.stdout.write(`${JSON.stringify({ name, seed, histories, violation })}\n`);
}

// What a mutation makes the core throw is found, too.
process.on("uncaughtException", (error) => {
  report(`it throws ${error.message}`);
  process.exit(0);
});

let violation: string | undefined;
for (; seed < first + Number(most); seed++) {
  const plan = given ?? planOf(seed);
  if (!given && !faults.every((kind) => plan.faults.some((fault) => fault.kind === kind))) continue;
  histories++;
  [violation] = (await run(plan)).violations;
  if (violation !== undefined) break;
}
report(violation);

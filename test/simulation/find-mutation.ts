/** `node --import ./mutate.ts find-mutation.ts FIRST MOST [FAULT …]`: the first seed, of those with these faults, that finds the mutation, as JSON. */

import { findMutation } from "./mutations.ts";
import { planOf } from "./plan.ts";
import { runPlan } from "./scenario.ts";

const { name } = findMutation(process.env["THROUGHLINE_MUTATION"] ?? "");
const [first = 1, most = 1] = process.argv.slice(2, 4).map(Number);
const faults = process.argv.slice(4);
let histories = 0;
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
for (; seed < first + most; seed++) {
  const plan = planOf(seed);
  if (!faults.every((kind) => plan.faults.some((fault) => fault.kind === kind))) continue;
  histories++;
  [violation] = (await runPlan(plan)).violations;
  if (violation !== undefined) break;
}
report(violation);

/** `node --import ./mutate.ts find-mutation.ts FIRST MOST`: the first seed that finds the mutation of THROUGHLINE_MUTATION, as JSON. */

import { findMutation } from "./mutations.ts";
import { runSeeds } from "./run-seeds.ts";

const { name } = findMutation(process.env["THROUGHLINE_MUTATION"] ?? "");
const [first, most] = process.argv.slice(2).map(Number) as [number, number];
const { failed, histories } = await runSeeds(first, first + most - 1);
const seed = failed?.plan.seed;
process.stdout.write(`${JSON.stringify({ name, seed, histories, violation: failed?.outcome.violations[0] })}\n`);

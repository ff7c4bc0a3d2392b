/** Rules of the protocol that are left out, and bugs that are put back, are found: each by the seed that docs/simulation.md names. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { mutations } from "./mutations.ts";
import { regressions } from "./regressions.ts";
import { runPlan } from "./scenario.ts";
import { simulationOf } from "./simulation.ts";
import { sourceMutations } from "./sources/mutations.ts";

const directory = import.meta.dirname;

/** `of`: a seed, or a plan as JSON. */
async function violationWith(name: string, of: string): Promise<string | undefined> {
  const args = ["--import", join(directory, "mutate.ts"), join(directory, "find-mutation.ts"), of, "1"];
  const env = { ...process.env, THROUGHLINE_MUTATION: name };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return (JSON.parse(stdout) as { violation?: string }).violation;
}

const all = [...mutations, ...sourceMutations];

for (const { name, what, foundBy, simulation = "components" } of all) {
  if (foundBy === "kept") continue; // among the regressions, as the last test says
  test(
    `it is found when ${what}`,
    async () => {
      const { planOf, run } = simulationOf(simulation);
      assert.equal((await run(planOf(foundBy))).violations, [], "the seed must be clean without the mutation");
      assert.type(await violationWith(name, String(foundBy)), "string", `seed ${foundBy} finds nothing`);
    },
    { timeoutMs: 60_000 },
  );
}

for (const { what, mutation, plan } of regressions) {
  test(
    `it stays mended that ${what}`,
    async () => {
      assert.equal((await runPlan(plan)).violations, []);
      assert.type(await violationWith(mutation, JSON.stringify(plan)), "string", `${mutation} is not found any more`);
    },
    { timeoutMs: 60_000 },
  );
}

test("docs/simulation.md names each mutation with its seed", () => {
  const text = readFileSync("docs/simulation.md", "utf8");
  const row = /^\| (▲|rule|bug) +\| (.*?) +\| (\d+|kept) +\| (\d+) +\|$/gm;
  const named = [...text.matchAll(row)].map(([, of, what, seed, after]) => [of, what, seed, Number(after)]);
  assert.equal(
    named,
    all.map(({ of, what, foundBy, after }) => [of, what, String(foundBy), after]),
  );
  for (const { name, foundBy } of all)
    if (foundBy === "kept")
      assert.ok(
        regressions.some(({ mutation }) => mutation === name),
        name,
      );
});

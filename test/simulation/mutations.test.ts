/** Rules of the protocol that are left out, and bugs that are put back, are found: each by the seed that docs/simulation.md names. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { mutations } from "./mutations.ts";
import { planOf } from "./plan.ts";
import { runPlan } from "./scenario.ts";

const directory = import.meta.dirname;

async function violationWith(name: string, seed: number): Promise<string | undefined> {
  const args = ["--import", join(directory, "mutate.ts"), join(directory, "find-mutation.ts"), String(seed), "1"];
  const env = { ...process.env, THROUGHLINE_MUTATION: name };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return (JSON.parse(stdout) as { violation?: string }).violation;
}

for (const { name, what, foundBy } of mutations) {
  test(
    `it is found when ${what}`,
    async () => {
      assert.equal((await runPlan(planOf(foundBy))).violations, [], "the seed must be clean without the mutation");
      assert.type(await violationWith(name, foundBy), "string", `seed ${foundBy} finds nothing`);
    },
    { timeoutMs: 60_000 },
  );
}

test("docs/simulation.md names each mutation with its seed", () => {
  const text = readFileSync("docs/simulation.md", "utf8");
  const row = /^\| (▲|rule|bug) +\| (.*?) +\| (\d+) +\| (\d+) +\|$/gm;
  const named = [...text.matchAll(row)].map(([, of, what, seed, after]) => [of, what, Number(seed), Number(after)]);
  assert.equal(
    named,
    mutations.map(({ of, what, foundBy, after }) => [of, what, foundBy, after]),
  );
});

/** The protocol of ownership under faults drawn from seeds: every history is clean, and the same seed gives the same history. */

import { createHash } from "node:crypto";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { clusterSeeds, planOf } from "./plan.ts";
import { assertClean, simulate } from "./program.ts";
import { runPlan } from "./scenario.ts";

/** SIMULATED_HISTORIES: how many; SIMULATED_FROM: from which seed. */
const histories = Number(process.env["SIMULATED_HISTORIES"] ?? 10_000);
const from = Number(process.env["SIMULATED_FROM"] ?? 1);

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

test("the same seed gives the same history, byte for byte, in another process and after other histories", async () => {
  for (const seed of [3, 77, 4_458]) {
    const first = (await runPlan(planOf(seed), true)).lines.join("\n");
    await runPlan(planOf(seed + 1));
    assert.is((await runPlan(planOf(seed), true)).lines.join("\n"), first);
    const [one, other] = [simulate("--seed", String(seed)), simulate("--seed", String(seed))];
    assert.is(digestOf(one), digestOf(other));
    assert.ok(one.includes(first));
  }
});

test("different seeds give different histories", async () => {
  const digests = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) digests.add(digestOf((await runPlan(planOf(seed), true)).lines.join("\n")));
  assert.is(digests.size, 20);
});

for (const [what, first, count] of [
  ["", from, histories],
  [" of a cluster", clusterSeeds + from, Math.ceil(histories / 5)],
] as const) {
  test(
    `nothing is violated in ${count} histories${what} from seed ${first} on`,
    () => {
      assertClean("components", first, count);
    },
    { timeoutMs: 1_800_000 },
  );
}

/** A source under faults drawn from seeds: what the outside system says is in the log once and in its order, and each rule that is left out is found. */

import * as assert from "uvu/assert";
import { test } from "../../support/test.ts";
import { assertClean, simulate } from "../program.ts";
import { sourcePlanOf } from "./plan.ts";
import { runSourcePlan } from "./scenario.ts";

/** SIMULATED_SOURCE_HISTORIES: how many; SIMULATED_FROM: from which seed. */
const histories = Number(process.env["SIMULATED_SOURCE_HISTORIES"] ?? 3_000);
const from = Number(process.env["SIMULATED_FROM"] ?? 1);

test("the same seed gives the same history of a source, byte for byte, in another process and after other histories", async () => {
  for (const seed of [2, 33, 394]) {
    const first = (await runSourcePlan(sourcePlanOf(seed), true)).lines.join("\n");
    await runSourcePlan(sourcePlanOf(seed + 1));
    assert.is((await runSourcePlan(sourcePlanOf(seed), true)).lines.join("\n"), first);
    assert.ok(simulate("--of", "sources", "--seed", String(seed)).includes(first));
  }
});

test(
  `nothing is violated in ${histories} histories of a source from seed ${from} on`,
  () => {
    assertClean("sources", from, histories);
  },
  { timeoutMs: 1_800_000 },
);

/** The store in memory keeps the contract. */

import { test } from "../support/test.ts";
import { behaviours } from "./behaviours.ts";
import { MemoryHarness } from "./memory-harness.ts";

for (const { name, run } of behaviours) {
  test(name, async () => {
    await using harness = new MemoryHarness();
    await run(harness);
  });
}

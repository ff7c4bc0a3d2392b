/** The example of a test in memory, with a clock that the test moves. test/docs/examples.test.ts runs it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineChannel, on } from "throughline";
import { memoryBackbone } from "throughline/testing";
import { z } from "zod";

// #region retries
const payments = defineChannel({
  name: "payments",
  schema: z.object({ id: z.string(), cents: z.int() }),
  retry: { maxAttempts: 3, backoffMs: 60_000, maxBackoffMs: 3_600_000 },
});

test("a payment that the bank refuses twice is booked at the third attempt, two minutes later", async () => {
  await using backbone = memoryBackbone();
  const attempts: number[] = [];
  const ledger = backbone.component("ledger", [
    on(payments, (_payment, { attempt }) => {
      attempts.push(attempt);
      if (attempt < 3) throw new Error("the bank is closed");
    }),
  ]);
  void ledger.run();
  const paid = await backbone.publish(payments, { id: "p-1", cents: 4_200 });

  await backbone.clock.advance(1_000); // ms
  assert.deepEqual(attempts, [1]);
  await backbone.clock.advance(60_000);
  assert.deepEqual(attempts, [1, 2]);
  await backbone.clock.advance(120_000);
  assert.equal(await ledger.whenSettled(paid), "acked");
  assert.deepEqual(attempts, [1, 2, 3]);
});
// #endregion retries

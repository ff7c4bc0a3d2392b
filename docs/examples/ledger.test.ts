/** The guide's example of a test against a real Redis. test/docs/examples.test.ts runs it. */

import { z } from "zod";

const payments = defineChannel({
  name: "payments",
  schema: z.object({ id: z.string(), account: z.string(), cents: z.int().positive() }),
  correlation: (payment) => ({ "payment.id": payment.id }),
});

function createLedger(backbone: Backbone): Component {
  return backbone.component("ledger", [
    on(payments, async ({ payload: payment }, { state }) => {
      const balances = state<number>("balances");
      balances.set(payment.account, ((await balances.get(payment.account)) ?? 0) + payment.cents);
    }),
  ]);
}

// #region test
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Backbone, type Component, connectBackbone, defineChannel, on } from "throughline";
import { captureSpans, startRedis } from "throughline/testing";

test("a payment is booked once, and its span can be found", async () => {
  using spans = captureSpans();
  await using redis = await startRedis(); // or { image: "redis:8" }: the same in a container, by Testcontainers
  await using backbone = await connectBackbone({ url: redis.url, namespace: "test" });
  const ledger = createLedger(backbone); // your own component
  const running = ledger.run();
  const paid = await backbone.publish(payments, { id: "p-1", account: "acme", cents: 4_200 });
  assert.equal(await ledger.whenSettled(paid), "acked");
  assert.equal(await backbone.view<number>("ledger", "balances").get("acme"), 4_200);
  await ledger.drain();
  await running;
  assert.equal(spans.one("process payments").attributes["payment.id"], "p-1");
});
// #endregion test

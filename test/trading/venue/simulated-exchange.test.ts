/** The simulated exchange decides by seed, id and quantity alone, accounts for every share, and knows an order again. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { createSimulatedExchange, type VenueOrder } from "../../../consumers/order-sender/index.ts";
import { ConfigError } from "../../../src/index.ts";
import { decide } from "../../../trading/venue/behaviour.ts";
import { test } from "../../support/test.ts";
import { sum } from "../processes/orders-of.ts";
import { memoryBook } from "./memory-book.ts";

const behaviour = { seed: "1", maxFills: 3, rejectRate: 0 };

function venueOrder(clientOrderId: string, quantity = 1_000): VenueOrder {
  return { clientOrderId, symbol: "AAPL", side: "buy", price: "577.5", quantity };
}

test("accounts for the whole quantity, in parts of at least 1, with ids of their own", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(0, 0.5, 1),
      (id, quantity, maxFills, rejectRate) => {
        const decisions = decide(venueOrder(id, quantity), { seed: "1", maxFills, rejectRate });
        assert.is(sum(decisions.map((decision) => decision.quantity)), quantity);
        assert.ok(decisions.every((decision) => decision.quantity > 0));
        const fills = decisions.filter((decision) => decision.kind === "filled");
        assert.ok(fills.length <= maxFills);
        const rejects = decisions.length - fills.length;
        assert.ok(rejectRate === 0 ? rejects === 0 : rejectRate === 1 ? rejects === 1 : rejects <= 1);
        assert.is(new Set(decisions.map((decision) => decision.id)).size, decisions.length);
      },
    ),
  );
});

test("decides the same for the same order, and otherwise for another seed, id or quantity", () => {
  const first = decide(venueOrder("a"), behaviour);
  assert.equal(decide(venueOrder("a"), behaviour), first);
  for (const other of [
    decide(venueOrder("a"), { ...behaviour, seed: "2" }),
    decide(venueOrder("b"), behaviour),
    decide(venueOrder("a", 1_001), behaviour),
  ]) {
    assert.is.not(other[0]?.id, first[0]?.id);
  }
});

test("fills most orders in several parts, and rejects about as many as asked for", () => {
  const orders = Array.from({ length: 1_000 }, (_, n) => venueOrder(`order-${n}`));
  const decided = orders.map((order) => decide(order, { ...behaviour, rejectRate: 0.2 }));
  const rejected = decided.filter((decisions) => decisions.some((decision) => decision.kind === "rejected"));
  assert.ok(rejected.length > 150 && rejected.length < 250, `${rejected.length} were rejected`);
  assert.ok(
    rejected.some((decisions) => decisions.length > 1),
    "none was rejected after a first fill",
  );
  assert.ok(decided.filter((decisions) => decisions.length > 1).length > 500);
});

test("takes an order that it has seen before as the same order", async () => {
  const book = memoryBook();
  const exchange = createSimulatedExchange(book, { maxLatencyMs: 0 });
  const first = await exchange.submit(venueOrder("a"));
  assert.equal(await exchange.submit(venueOrder("a")), first);
  await exchange.submit(venueOrder("b", 500));
  const { fills, ...totals } = await book.totals();
  assert.equal(totals, { orders: 2, orderedQuantity: 1_500, filledQuantity: 1_500, rejectedQuantity: 0 });
  assert.ok(fills >= 2);
});

test("refuses options that make no sense", () => {
  for (const options of [{ rejectRate: 1.1 }, { maxFills: 0 }, { maxLatencyMs: -1 }]) {
    assert.throws(
      () => createSimulatedExchange(memoryBook(), options),
      (error: unknown) => error instanceof ConfigError,
    );
  }
});

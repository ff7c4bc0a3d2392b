/** The trading channels take what makes sense, say what does not, and name what an event concerns. */

import * as fc from "fast-check";
import * as assert from "uvu/assert";
import {
  clientOrderEventId,
  clientOrders,
  describeIssues,
  type ExchangeOrder,
  exchangeOrders,
  executions,
  fills,
  parseOrder,
} from "../../../trading/domain/index.ts";
import { test } from "../../support/test.ts";

const written = { id: "c-1", userId: "ann", symbol: "AAPL", side: "buy", price: "577.50", quantity: 100 };

function refusal(changed: object, without?: string): string {
  const order: Record<string, unknown> = { ...written, ...changed };
  if (without !== undefined) delete order[without];
  const parsed = parseOrder(order);
  return "issues" in parsed ? describeIssues(parsed.issues) : "taken";
}

test("takes an order, which is a limit order unless it says otherwise, and leaves its price as it is written", () => {
  assert.equal(parseOrder(written), { order: { ...written, orderType: "limit" } });
  const { userId, ...withoutUser } = written;
  assert.equal(parseOrder(withoutUser, { userId }), { order: { ...written, orderType: "limit" } });
});

test("names faults in its own words, whatever is written", () => {
  const anything = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(1e300, -1, 0, "", "a".repeat(70), 5e-324));
  const orders = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(written), "orderType"), fc.string()), anything);
  fc.assert(
    fc.property(
      fc.oneof(
        anything,
        orders,
        orders.map((changed) => ({ ...written, ...changed })),
      ),
      (order) => {
        const parsed = parseOrder(order);
        for (const { reason } of "issues" in parsed ? parsed.issues : []) {
          assert.match(reason, /^(is missing$|must be |must have no other field: ")/);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test("gives the fault of every wrong field", () => {
  assert.is(refusal({ price: 577.5 }), 'price must be a decimal string such as "577.50", not a number');
  for (const price of [
    "0",
    "0.00",
    "-1",
    "1e3",
    "1.",
    ".5",
    "00.5",
    "1.123456789",
    "12345678901",
    "1,5",
    "NaN",
    " 1",
  ]) {
    assert.match(refusal({ price }), /^price must be a decimal above 0/, price);
  }
  for (const quantity of [0, -1, 1.5, "100", 10_000_001, Number.NaN, 1e300, null]) {
    assert.match(refusal({ quantity }), /^quantity must be/, String(quantity));
  }
  assert.is(refusal({}, "quantity"), "quantity is missing");
  assert.is(refusal({ side: "BUY" }), 'side must be "buy" or "sell"');
  assert.is(refusal({ orderType: "stop" }), 'orderType must be "limit" or "market"');
  assert.match(refusal({ id: "with space" }), /^id must be 1 to 64/);
  assert.match(refusal({ id: "a".repeat(65) }), /^id must be 1 to 64/);
  assert.match(refusal({ symbol: "aapl" }), /^symbol must be 1 to 16/);
  assert.match(refusal({ qty: 5 }), /"qty"/);
  assert.match(refusal(JSON.parse('{"__proto__":{"a":1}}')), /"__proto__"/);
  for (const order of [null, [], "order", 5])
    assert.equal(parseOrder(order), { issues: [{ path: "", reason: "must be an object" }] });
});

test("gives the same order of the same user the same event id, and no two users' orders one", () => {
  assert.is(clientOrderEventId({ userId: "ann", id: "1" }), clientOrderEventId({ userId: "ann", id: "1" }));
  assert.is.not(clientOrderEventId({ userId: "ann", id: "1" }), clientOrderEventId({ userId: "bob", id: "1" }));
});

test("names user and orders on the spans of every channel that knows them", () => {
  const order = { ...written, side: "buy", orderType: "limit" } as const;
  assert.equal(clientOrders.correlation?.(order), {
    "event.type": "client-order",
    "user.id": "ann",
    "client.order_id": "c-1",
  });
  const exchangeOrder: ExchangeOrder = {
    id: "xo-1",
    parentClientOrderIds: ["c-1", "c-2"],
    userIds: ["ann", "ann"],
    symbol: "AAPL",
    side: "buy",
    price: "577.5",
    quantity: 200,
    exchange: "simulated",
  };
  assert.equal(exchangeOrders.correlation?.(exchangeOrder), {
    "event.type": "exchange-order",
    "order.id": "xo-1",
    "user.id": "ann",
    "client.order_id": ["c-1", "c-2"],
  });
  const report = {
    kind: "rejected",
    id: "r-1",
    exchangeOrderId: "xo-1",
    rejectedQuantity: 1,
    reason: "closed",
    timestamp: 1,
  } as const;
  // Whose it is travels as baggage: named here, so that it may.
  assert.equal(fills.correlation?.(report), {
    ...{ "event.type": "reject", "order.id": "xo-1" },
    ...{ "user.id": undefined, "client.order_id": undefined },
  });
  const execution = {
    kind: "filled",
    id: "f-1/0",
    clientOrderId: "c-1",
    userId: "ann",
    exchangeOrderId: "xo-1",
    fillId: "f-1",
    quantity: 1,
    price: "577.5",
    timestamp: 1,
  } as const;
  assert.equal(executions.correlation?.(execution), {
    "event.type": "execution",
    "user.id": "ann",
    "client.order_id": "c-1",
    "order.id": "xo-1",
  });
});

/** The ledger is drawn up from the log alone, and takes what contradicts itself for what it is. */

import * as assert from "uvu/assert";
import { connectBackbone } from "../../../src/index.ts";
import { clientOrders, exchangeOrders, executions, fills } from "../../../trading/domain/index.ts";
import { ordersOfRun, readLedger, readPositions, sumOf } from "../../../trading/pipeline/ledger.ts";
import { freshNamespace, redisUrl } from "../../support/redis.ts";
import { test } from "../../support/test.ts";

const order = (id: string, quantity: number) =>
  ({ id, userId: "u", symbol: "AAPL", side: "buy", price: "5", quantity, orderType: "limit" }) as const;
const sent = (id: string, quantity: number) => ({
  ...{ id, quantity, parentClientOrderIds: ["o"], userIds: ["u"], symbol: "AAPL", price: "5", exchange: "x" },
  side: "buy" as const,
});
const fill = (id: string, exchangeOrderId: string, filledQuantity: number) =>
  ({ kind: "filled", id, exchangeOrderId, filledQuantity, filledPrice: "5", timestamp: 1 }) as const;
const execution = (id: string, clientOrderId: string, quantity: number) => ({
  ...{ kind: "filled" as const, id, clientOrderId, quantity },
  ...{ userId: "u", exchangeOrderId: "x1", fillId: "f1", price: "5", timestamp: 1 },
});

test("sums up each order, and tells this run's from earlier ones", async () => {
  await using backbone = await connectBackbone({ url: redisUrl(), namespace: freshNamespace() });
  await backbone.publish(clientOrders, order("early", 10));
  await backbone.publish(executions, execution("e0", "early", 10));
  const since = await readPositions(backbone);
  await backbone.publish(clientOrders, order("late", 7));
  await backbone.publish(exchangeOrders, sent("x1", 7));
  await backbone.publish(fills, fill("f1", "x1", 3));
  await backbone.publish(fills, {
    kind: "rejected",
    id: "r1",
    exchangeOrderId: "x1",
    rejectedQuantity: 4,
    reason: "no",
    timestamp: 1,
  });
  await backbone.publish(executions, execution("e1", "late", 3));

  const ledger = await readLedger(backbone, since);
  assert.equal(sumOf(ledger.clientOrders.values()), { ordered: 17, executed: 13, rejected: 0, cancelled: 0 });
  assert.equal(ledger.exchangeOrders.get("x1"), { ordered: 7, executed: 3, rejected: 4, cancelled: 0 });
  assert.equal(ledger.counts.executions, { total: 2, fresh: 1, unreadable: 0 });
  assert.is(ledger.latenciesMs.length, 1);
  assert.equal(ledger.contradictions, []);
  assert.equal([...ordersOfRun(ledger, undefined, since).keys()], ["u:late"]);
  assert.equal([...ordersOfRun(ledger, new Set(["u:early"]), since).keys()], ["u:early", "u:late"]);
});

test("counts a repeated entry once, and reports it", async () => {
  await using backbone = await connectBackbone({ url: redisUrl(), namespace: freshNamespace() });
  const since = await readPositions(backbone);
  await backbone.publish(clientOrders, order("o", 10));
  for (let i = 0; i < 2; i++) {
    await backbone.publish(exchangeOrders, sent("x1", 10));
    await backbone.publish(fills, fill("f1", "x1", 10));
    await backbone.publish(executions, execution("e1", "o", 10));
  }
  const ledger = await readLedger(backbone, since);
  assert.equal(ledger.contradictions, [
    "exchange order x1 stands in the log twice",
    "report f1 stands in the log twice",
    "execution e1 stands in the log twice",
  ]);
  assert.equal(sumOf(ledger.clientOrders.values()), { ordered: 10, executed: 10, rejected: 0, cancelled: 0 });
});

test("finds reports and executions of orders that are not there", async () => {
  await using backbone = await connectBackbone({ url: redisUrl(), namespace: freshNamespace() });
  const since = await readPositions(backbone);
  await backbone.publish(fills, fill("f1", "x1", 10));
  await backbone.publish(executions, execution("e1", "o", 10));
  const ledger = await readLedger(backbone, since);
  assert.equal(ledger.contradictions, [
    "report f1 is for an exchange order that nobody sent",
    "execution e1 is for a client order that nobody placed",
  ]);
});

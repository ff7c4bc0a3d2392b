/** The handlers of the Algorithm: what is netted, sliced, allocated, cancelled and refused. */

import * as assert from "uvu/assert";
import { type Event, PermanentError } from "../../../src/index.ts";
import {
  type ClientCancel,
  type ExchangeCancel,
  type ExchangeOrder,
  Execution,
  exchangeOrders,
  executions,
  quantityOf,
} from "../../../trading/domain/index.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { FakeBackbone, type Published } from "../../trading/fake-tools.ts";
import { orderEvent, sum } from "../../trading/orders-of.ts";
import { algorithm, cancelEvent, fill, openOrders, report } from "./reporting.ts";

test("nets two clients' orders into one exchange order that names both as parents and causes", async () => {
  const backbone = new FakeBackbone();
  const ann = orderEvent({ id: "a", userId: "ann", quantity: 60 });
  const bob = orderEvent({ id: "b", userId: "bob", quantity: 40, price: "577.50" });
  await backbone.deliver((tools) => algorithm([ann, bob], tools));
  const [sent] = backbone.published as [Published];
  const { id, ...exchangeOrder } = sent.payload as ExchangeOrder;
  assert.match(id, /^xo-[0-9a-f]{24}-0$/);
  assert.equal(exchangeOrder, {
    parentClientOrderIds: ["a", "b"],
    userIds: ["ann", "bob"],
    symbol: "AAPL",
    side: "buy",
    price: "577.5",
    quantity: 100,
    exchange: "simulated",
  });
  assert.equal(
    sent.causedBy.map((cause) => cause.id),
    [ann.id, bob.id],
  );
  assert.is(backbone.published.length, 1);
});

test("allocates partial fills to both clients, each caused by its own order, and forgets the order when it is complete", async () => {
  const backbone = new FakeBackbone();
  const events = [
    orderEvent({ id: "a", userId: "ann", quantity: 60 }),
    orderEvent({ id: "b", userId: "bob", quantity: 40 }),
  ];
  await backbone.deliver((tools) => algorithm(events, tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  await report(backbone, fill(order, "f-1", 70));
  assert.is(openOrders(backbone), 1);
  await report(backbone, fill(order, "f-2", 30));
  assert.is(openOrders(backbone), 0);
  const published = backbone.published.filter((one) => one.channel === executions.name);
  assert.equal(
    published.map(({ payload, causedBy }) => {
      const execution = payload as Execution;
      const { id, userId, kind } = execution;
      return [id, kind, userId, quantityOf(execution), causedBy.map((cause) => cause.id)];
    }),
    [
      ["f-1/0", "filled", "ann", 60, [events[0]?.id]],
      ["f-1/1", "filled", "bob", 10, [events[1]?.id]],
      ["f-2/1", "filled", "bob", 30, [events[1]?.id]],
    ],
  );
});

test("applies a report that the exchange repeats once", async () => {
  const backbone = new FakeBackbone();
  await backbone.deliver((tools) => algorithm([orderEvent()], tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  await report(backbone, fill(order, "f-1", 30));
  await report(backbone, fill(order, "f-1", 30));
  assert.equal(backbone.on(executions).map(quantityOf), [30]);
});

test("refuses for good a report of an order that is not open, and one of more than is open", async () => {
  const backbone = new FakeBackbone();
  await backbone.deliver((tools) => algorithm([orderEvent()], tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  await rejects(report(backbone, fill({ ...order, id: "xo-unknown" }, "f-1", 1)), PermanentError, /which is not open/);
  await rejects(report(backbone, fill(order, "f-1", 101)), PermanentError, /only 100 of .* is open/);
  await report(backbone, fill(order, "f-2", 100));
  assert.is(sum(backbone.on(executions).map(quantityOf)), 100);
});

test("gives a batch that is handled again the same exchange order ids, and a later order of the same id another", async () => {
  const idsOf = async (time: number): Promise<readonly string[]> => {
    const backbone = new FakeBackbone();
    await backbone.deliver((tools) => algorithm([orderEvent({ quantity: 2_500 }, time)], tools));
    return backbone.on(exchangeOrders).map((order) => order.id);
  };
  assert.equal(await idsOf(1), await idsOf(1));
  assert.is(new Set([...(await idsOf(1)), ...(await idsOf(2))]).size, 6);
});

test("a cancel asks the exchange for what is open of the client's shares, and what is cancelled is the client's own", async () => {
  const backbone = new FakeBackbone();
  const ann = orderEvent({ id: "a", userId: "ann", quantity: 60 });
  const bob = orderEvent({ id: "b", userId: "bob", quantity: 40 });
  await backbone.deliver((tools) => algorithm([ann, bob, cancelEvent(ann.payload, "c-1")], tools));
  const [order, cancel] = backbone.on(exchangeOrders) as [ExchangeOrder, ExchangeCancel];
  assert.equal(
    [cancel.kind, cancel.exchangeOrderId, cancel.quantity, cancel.userId, cancel.clientOrderId],
    ["cancel", order.id, 60, "ann", "a"],
  );
  // Whoever wants out is served last, whatever the venue fills before the cancel reaches it.
  await report(backbone, fill(order, "f-1", 50));
  await report(backbone, {
    ...{ kind: "cancelled", id: "x-1", exchangeOrderId: order.id, cancelledQuantity: 50, reason: "as asked" },
    ...{ cancelId: cancel.id, timestamp: 3 },
  });
  assert.equal(
    backbone.on(executions).map((one) => [one.kind, one.userId, quantityOf(one)]),
    [
      ["filled", "ann", 10],
      ["filled", "bob", 40],
      ["cancelled", "ann", 50],
    ],
  );
  assert.equal([openOrders(backbone), backbone.stores.get("client-orders")?.size], [0, 0]);
});

test("a cancel of an order that is unknown, done, another user's or being cancelled already is rejected in words", async () => {
  const backbone = new FakeBackbone();
  const ann = orderEvent({ id: "a", userId: "ann", quantity: 60 });
  await backbone.deliver((tools) => algorithm([ann], tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  const ask = (cancel: Event<ClientCancel>) => backbone.deliver((tools) => algorithm([cancel], tools));
  await ask(cancelEvent({ ...ann.payload, userId: "bob" }, "foreign"));
  await ask(cancelEvent({ ...ann.payload, id: "never" }, "unknown"));
  await ask(cancelEvent(ann.payload, "first"));
  await ask(cancelEvent(ann.payload, "second"));
  await report(backbone, fill(order, "f-1", 60));
  await ask(cancelEvent(ann.payload, "late"));
  const refusals = backbone.on(executions).flatMap((one) => (one.kind === "cancelRejected" ? [one] : []));
  assert.equal(
    refusals.map(({ cancelId, userId, reason }) => [cancelId, userId, reason.split(" ").slice(0, 4).join(" ")]),
    [
      ["foreign", "bob", "you have no order"],
      ["unknown", "ann", "you have no order"],
      ["second", "ann", "the order is being"],
      ["late", "ann", "you have no order"],
    ],
  );
  for (const one of refusals) assert.ok(Execution.safeParse(one).success);
  // The venue still has to answer the first one, which crossed with the fill.
  assert.is(openOrders(backbone), 1);
  const [, cancel] = backbone.on(exchangeOrders) as [ExchangeOrder, ExchangeCancel];
  const answer = {
    kind: "cancelRejected",
    exchangeOrderId: order.id,
    cancelId: cancel.id,
    reason: "done",
    timestamp: 4,
  } as const;
  await report(backbone, { id: "x-1", ...answer });
  assert.is(openOrders(backbone), 0);
  assert.equal(backbone.on(executions).at(-1)?.kind, "cancelRejected");
  await rejects(report(backbone, { id: "x-2", ...answer }), PermanentError, /is not open/);
});

test("market orders are netted with market orders alone, and are sent as such", async () => {
  const backbone = new FakeBackbone();
  const orders = ["limit", "market", "market"].map((orderType, n) =>
    orderEvent({ id: `o-${n}`, orderType: orderType as "limit" }),
  );
  await backbone.deliver((tools) => algorithm(orders, tools));
  const sent = backbone.on(exchangeOrders) as readonly ExchangeOrder[];
  assert.equal(
    sent.map(({ orderType, quantity }) => [orderType, quantity]),
    [
      [undefined, 100],
      ["market", 200],
    ],
  );
});

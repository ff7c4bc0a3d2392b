/** The Order Sender publishes what the exchange reports, and sends under an id that a second attempt repeats. */

import * as assert from "uvu/assert";
import { sendOrder } from "../../../consumers/order-sender/handlers.ts";
import { createSimulatedExchange } from "../../../consumers/order-sender/index.ts";
import { PermanentError } from "../../../src/index.ts";
import { type ExchangeOrder, ExchangeReport, exchangeOrders, fills } from "../../../trading/domain/index.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { eventOf, FakeBackbone } from "../../trading/processes/fake-tools.ts";
import { sum } from "../../trading/processes/orders-of.ts";
import { memoryBook } from "../../trading/venue/memory-book.ts";

const order: ExchangeOrder = {
  id: "xo-1",
  parentClientOrderIds: ["a"],
  userIds: ["ann"],
  symbol: "AAPL",
  side: "buy",
  price: "577.5",
  quantity: 900,
  exchange: "simulated",
};

test("publishes the exchange's reports, the same ones when the order is handled again after a crash", async () => {
  const book = memoryBook();
  const send = sendOrder(createSimulatedExchange(book, { maxLatencyMs: 0, rejectRate: 0.5 }));
  const backbones = [new FakeBackbone(), new FakeBackbone()] as const;
  for (const backbone of backbones) {
    await backbone.deliver((tools) => send(eventOf(exchangeOrders, order, "e-1"), tools), "order-sender/e-1");
  }
  const [first, second] = backbones.map((backbone) => backbone.on(fills));
  assert.equal(second, first);
  for (const report of first ?? []) assert.ok(ExchangeReport.safeParse(report).success);
  const quantities = first?.map((report) =>
    report.kind === "filled" ? report.filledQuantity : report.rejectedQuantity,
  );
  assert.is(sum(quantities ?? []), 900);
  assert.is((await book.totals()).orders, 1);
});

test("publishes nothing of an order that the exchange could not be asked about", async () => {
  const backbone = new FakeBackbone();
  const send = sendOrder({ name: "simulated", submit: () => Promise.reject(new Error("the venue is away")) });
  await rejects(
    backbone.deliver((tools) => send(eventOf(exchangeOrders, order, "e-1"), tools)),
    Error,
    /away/,
  );
  assert.equal(backbone.published, []);
});

test("refuses for good an order for another exchange", async () => {
  const send = sendOrder(createSimulatedExchange(memoryBook(), { name: "elsewhere" }));
  const backbone = new FakeBackbone();
  await rejects(
    backbone.deliver((tools) => send(eventOf(exchangeOrders, order, "e-1"), tools)),
    PermanentError,
    /serves "elsewhere"/,
  );
});

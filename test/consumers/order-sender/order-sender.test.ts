/** The Order Sender's handlers: nothing is sent before it is written down, and what a venue reports becomes fills of the order that it answers. */

import * as assert from "uvu/assert";
import { answer, prepare, send } from "../../../consumers/order-sender/handlers.ts";
import { noVenues, type VenueRequests, venueList } from "../../../consumers/order-sender/index.ts";
import { ConfigError, PermanentError } from "../../../src/index.ts";
import {
  type ExchangeCancel,
  type ExchangeOrder,
  ExchangeReport,
  exchangeOrders,
  fills,
  reports,
  VenueOrder,
  type VenueReport,
  venueOrders,
} from "../../../trading/domain/index.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { eventOf, FakeBackbone } from "../../trading/fake-tools.ts";

const order: ExchangeOrder = {
  ...{ id: "xo-1", parentClientOrderIds: ["a"], userIds: ["ann"], symbol: "AAPL", side: "buy", price: "577.5" },
  ...{ quantity: 900, exchange: "simulated" },
};
const cancel: ExchangeCancel = {
  ...{ kind: "cancel", id: "xc-1", exchangeOrderId: "xo-1", clientOrderId: "a", userId: "ann", quantity: 300 },
  ...{ symbol: "AAPL", side: "buy", price: "577.5", exchange: "simulated" },
};
const onlySimulated: Pick<VenueRequests, "knows"> = { knows: (venue) => venue === "simulated" };

async function prepared(...requests: readonly (ExchangeOrder | ExchangeCancel)[]): Promise<FakeBackbone> {
  const backbone = new FakeBackbone();
  for (const request of requests) {
    const event = eventOf(exchangeOrders, request, `event-${request.id}`);
    await backbone.deliver((tools) => prepare(onlySimulated)(event, tools));
  }
  return backbone;
}

async function reported(backbone: FakeBackbone, report: VenueReport, venue = "simulated"): Promise<void> {
  const event = eventOf(reports, { kind: "report", venue, number: 1, report }, `event-${report.id}`);
  await backbone.deliver((tools) => answer(event, tools));
}

const of = (id: string, open: number) => ({ id, orderId: "xo-1", open, at: 5 });
const filled = (id: string, quantity: number, open: number): VenueReport => ({
  ...{ kind: "filled", ...of(id, open), quantity, price: "577.4" },
});

test("writes down what a report will be about in the settlement that lets it be sent", async () => {
  const backbone = await prepared(order);
  assert.equal([...(backbone.stores.get("sent-orders")?.keys() ?? [])], ["xo-1"]);
  const [sent] = backbone.on(venueOrders);
  assert.ok(VenueOrder.safeParse(sent).success);
  assert.equal(sent, {
    venue: "simulated",
    key: "AAPL buy 577.5",
    request: {
      ...{ kind: "order", orderId: "xo-1", symbol: "AAPL", side: "buy", orderType: "limit", price: "577.5" },
      quantity: 900,
    },
  });
});

test("publishes what the venue reports with the order as its cause, and forgets the order when nothing of it is open", async () => {
  const backbone = await prepared(order);
  await reported(backbone, { kind: "accepted", ...of("r-1", 900), quantity: 900 });
  await reported(backbone, filled("r-2", 400, 500));
  await reported(backbone, { kind: "rejected", ...of("r-3", 0), quantity: 500, reason: "withdrawn by the venue" });
  const published = backbone.published.filter(({ channel }) => channel === fills.name);
  assert.equal(
    published.map(({ payload, causedBy }) => [(payload as ExchangeReport).kind, causedBy.map(({ id }) => id)]),
    [
      ["filled", ["event-xo-1"]],
      ["rejected", ["event-xo-1"]],
    ],
  );
  for (const { payload } of published) assert.ok(ExchangeReport.safeParse(payload).success);
  assert.is(backbone.stores.get("sent-orders")?.size, 0);
});

test("a cancel goes out under its own id, and its answer has both as causes", async () => {
  const backbone = await prepared(order, cancel);
  assert.equal(backbone.on(venueOrders).at(-1)?.request, {
    ...{ kind: "cancel", cancelId: "xc-1", orderId: "xo-1", quantity: 300 },
  });
  await reported(backbone, filled("r-1", 900, 0)); // crossed with it
  assert.is(backbone.stores.get("sent-orders")?.size, 1);
  await reported(backbone, { kind: "cancelRejected", ...of("r-2", 0), cancelId: "xc-1", reason: "done" });
  assert.equal(
    backbone.published.at(-1)?.causedBy.map(({ id }) => id),
    ["event-xo-1", "event-xc-1"],
  );
  assert.is(backbone.stores.get("sent-orders")?.size, 0);
});

test("a cancel of an order that is done is answered without the venue", async () => {
  const backbone = await prepared(cancel);
  assert.equal(backbone.on(venueOrders), []);
  assert.equal(
    backbone.on(fills).map(({ kind }) => kind),
    ["cancelRejected"],
  );
});

test("an order for a venue that is not configured is refused for good, and nothing of it is written down", async () => {
  const backbone = new FakeBackbone();
  const event = eventOf(exchangeOrders, { ...order, exchange: "elsewhere" }, "e-1");
  await rejects(
    backbone.deliver((tools) => prepare(onlySimulated)(event, tools)),
    PermanentError,
    /venue "elsewhere", which is not configured/,
  );
  assert.equal([backbone.published, backbone.stores.size], [[], 0]);
});

test("sends a request under the fence of the partition's owner", async () => {
  const backbone = new FakeBackbone();
  const calls: unknown[] = [];
  const venues: VenueRequests = { ...noVenues, send: async (...call) => void calls.push(call.slice(0, 4)) };
  const request = { kind: "cancel", cancelId: "xc-1", orderId: "xo-1" } as const;
  const event = eventOf(venueOrders, { venue: "simulated", key: "k", request }, "e-1");
  await backbone.deliver((tools) => send(venues)(event, tools));
  assert.equal(calls, [["simulated", 0, request, { epoch: 1, token: "test" }]]);
});

test("names the order of every report that repeats, invents or contradicts, and applies none of it", async () => {
  const wrong: readonly (readonly [RegExp, VenueReport, string?])[] = [
    [/r-1 .* has come before: order xo-1/, filled("r-1", 100, 700)],
    [/is for 900 of order xo-1, of which 800 is open/, filled("r-2", 900, 0)],
    [/says that 800 of order xo-1 stays open; .* 700 does/, filled("r-2", 100, 800)],
    [/about order xo-9, which was never sent, or is done/, { ...filled("r-2", 1, 0), orderId: "xo-9" }],
    [/about order xo-1, which was sent to venue "simulated"/, filled("r-2", 100, 700), "another"],
    [
      /answers cancel xc-9 of order xo-1, which nobody asked for/,
      { kind: "cancelled", ...of("r-2", 700), quantity: 100, reason: "as asked", cancelId: "xc-9" },
    ],
  ];
  for (const [message, report, venue] of wrong) {
    const backbone = await prepared(order);
    await reported(backbone, filled("r-1", 100, 800));
    const before = JSON.stringify([...(backbone.stores.get("sent-orders") ?? [])]);
    await rejects(reported(backbone, report, venue), PermanentError, message);
    assert.is(JSON.stringify([...(backbone.stores.get("sent-orders") ?? [])]), before);
    assert.is(backbone.on(fills).length, 1);
  }
});

test("what is no report at all is refused with its number and its beginning", async () => {
  const backbone = new FakeBackbone();
  const notice = {
    kind: "unreadable",
    venue: "simulated",
    number: 17,
    text: '{"kind":"what"}',
    problem: "kind",
  } as const;
  await rejects(
    backbone.deliver((tools) => answer(eventOf(reports, notice, "e-1"), tools)),
    PermanentError,
    /report 17 of venue "simulated" is none: kind; it begins \{"kind":"what"\}/,
  );
});

test("takes a list of venues, and refuses what is none", () => {
  assert.equal(venueList("one=ws://127.0.0.1:1, two=wss://venue.example/x"), [
    { name: "one", url: "ws://127.0.0.1:1" },
    { name: "two", url: "wss://venue.example/x" },
  ]);
  for (const text of ["", "ws://x", "One=ws://x", "one=http://x", "one=", "one=ws://x,one=ws://y"]) {
    assert.throws(
      () => venueList(text),
      (error: Error) => error instanceof ConfigError,
      text,
    );
  }
});

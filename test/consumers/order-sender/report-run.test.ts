/** A venue's reports come into the log once and in their order, and what it says wrongly is named. */

import * as assert from "uvu/assert";
import { createOrderSender, orderSender } from "../../../consumers/order-sender/index.ts";
import { connectBackbone } from "../../../src/index.ts";
import {
  type ExchangeOrder,
  exchangeOrders,
  fills,
  reports,
  type VenueNotice,
  type VenueReport,
} from "../../../trading/domain/index.ts";
import { memoryLog, type Opened, open } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { startPipe } from "../../support/pipe.ts";
import { redisUrl } from "../../support/redis.ts";
import { test } from "../../support/test.ts";
import { sum } from "../../trading/orders-of.ts";
import { type HostileVenue, startHostileVenue } from "../../trading/venue/hostile-venue.ts";
import { openVenue } from "../../trading/venue/test-venue.ts";

const orderOf = (n: number, exchange = "simulated"): ExchangeOrder => ({
  ...{ id: `xo-${n}`, parentClientOrderIds: ["a"], userIds: ["ann"], symbol: "AAPL", side: "buy" },
  ...{ price: `${10 + (n % 7)}`, quantity: 100, exchange },
});
const report = (n: number, id: string, quantity: number, left: number): VenueReport => ({
  ...{ kind: "filled", id, orderId: `xo-${n}`, quantity, price: "10", open: left, at: 1 },
});

/** Runs the Order Sender against a venue that lies, with one order sent. */
async function withOrder(
  run: (hostile: HostileVenue, opened: Opened) => Promise<void>,
  welcome?: Parameters<typeof startHostileVenue>[0],
): Promise<void> {
  await using hostile = await startHostileVenue(welcome);
  await using opened = await open();
  const log = memoryLog(opened.log as never[]);
  await using sender = createOrderSender(opened.backbone, { venues: [hostile.address], log });
  await opened.run(sender.component);
  await opened.backbone.publish(exchangeOrders, orderOf(1));
  const session = await hostile.session("requests");
  await eventually(() => session.frames.some(({ type }) => type === "requests"));
  session.send({ type: "taken", requests: 1 });
  await run(hostile, opened);
}

const filledIn = async (opened: Opened): Promise<number> =>
  sum((await opened.entries(fills)).map(({ payload }) => (payload.kind === "filled" ? payload.filledQuantity : 0)));

test("reports that are repeated are left out, a gap is asked for again, and both are said", async () => {
  await withOrder(async (hostile, opened) => {
    const first = await hostile.session("reports");
    first.send({ type: "reports", first: 1, reports: [report(1, "r-1", 30, 70)] });
    first.send({ type: "reports", first: 1, reports: [report(1, "r-1", 30, 70), report(1, "r-2", 20, 50)] });
    await eventually(async () => (await filledIn(opened)) === 50);
    first.send({ type: "reports", first: 5, reports: [report(1, "r-5", 10, 0)] });
    const second = await hostile.session("reports", 2);
    assert.equal([second.hello.from, second.hello.journal], [3, "j"]);
    second.send({ type: "reports", first: 3, reports: [report(1, "r-3", 50, 0)] });
    await eventually(async () => (await filledIn(opened)) === 100);
    assert.is(await opened.length(reports), 3);
    const texts = opened.log.map(({ fields, text }) => `${text} ${JSON.stringify(fields)}`).join("\n");
    assert.match(texts, "a venue has repeated reports");
    assert.match(texts, /left out reports 3 to 4 of partition 0/);
  });
});

test("what a venue invents, contradicts or garbles is a dead letter that names the order, and the rest is applied", async () => {
  await withOrder(async (hostile, opened) => {
    const session = await hostile.session("reports");
    session.send({
      ...{ type: "reports", first: 1 },
      reports: [
        report(9, "r-1", 10, 90),
        report(1, "r-2", 101, 0),
        { kind: "what" },
        "text",
        report(1, "r-3", 40, 70),
        report(1, "r-4", 60, 40),
        report(1, "r-4", 60, 40),
        report(1, "r-5", 40, 0),
        report(1, "r-6", 1, 0),
      ],
    });
    await eventually(async () => (await filledIn(opened)) === 100);
    await eventually(async () => (await opened.dead(reports, orderSender)).length === 7);
    const errors = (await opened.dead(reports, orderSender)).map((dead) => Object.values(dead).join(" "));
    for (const wanted of [
      /r-1 .*about order xo-9, which was never sent, or is done/,
      /r-2 .*is for 101 of order xo-1, of which 100 is open/,
      /report 3 of venue "simulated" is none/,
      /report 4 of venue "simulated" is none/,
      /r-3 .*says that 70 of order xo-1 stays open; by the reports before it, 60 does/,
      /r-6 .*about order xo-1, which was never sent, or is done/,
    ]) {
      assert.ok(
        errors.some((text) => wanted.test(text)),
        `${wanted} is not among\n${errors.join("\n")}`,
      );
    }
    const kinds = (await opened.entries(reports)).map(({ payload }) => (payload as VenueNotice).kind);
    assert.is(kinds.filter((kind) => kind === "unreadable").length, 2);
  });
});

test("a venue with another journal, or one that the reports are ahead of, is refused by name, and nothing is read", async () => {
  await withOrder(async (hostile, opened) => {
    const first = await hostile.session("reports");
    first.send({ type: "reports", first: 1, reports: [report(1, "r-1", 30, 70)] });
    await eventually(async () => (await filledIn(opened)) === 30);
    first.send({ type: "refused", code: "future", reason: "the client wants report 2, and the venue has given 0" });
    const second = await hostile.session("reports", 2);
    assert.is(second.hello.from, 2);
    second.send({ type: "reports", first: 2, reports: [report(1, "r-2", 70, 0)] });
    await eventually(async () => (await filledIn(opened)) === 100);
    const texts = opened.log.map(({ fields }) => JSON.stringify(fields)).join("\n");
    assert.match(texts, /ends the session \(future\): the client wants report 2, and the venue has given 0/);
  });
});

test(
  "an owner that falls silent, cut sessions and a second process: every report is in the log once",
  async () => {
    await using traded = await openVenue({ latencyMs: 3 });
    await using proxy = await startPipe(traded.address.url.slice("ws://".length));
    await using opened = await open({ partitions: 4 });
    const { namespace } = opened.backbone;
    const venues = [{ name: "simulated", url: `ws://${proxy.address}` }];
    const log = memoryLog(opened.log as never[]);
    const component = { takeoverAfterMs: 1_000 };
    await using first = createOrderSender(opened.backbone, { venues, log, component });
    await using other = await connectBackbone({ url: redisUrl(), namespace, partitions: 4, log });
    await using second = createOrderSender(other, { venues, log, component });
    await opened.run(first.component);
    const running = second.run();
    const count = 400;
    for (let n = 0; n < count; n++) {
      await opened.backbone.publish(exchangeOrders, orderOf(n));
      if (n % 80 === 40) proxy.cut();
      if (n === 250) await second.component.drain(); // its partitions go to the other one
    }
    await running;
    await eventually(async () => (await filledIn(opened)) === count * 100, 60_000);
    const ids = (await opened.entries(reports)).map(({ payload }) =>
      payload.kind === "report" ? payload.report.id : "",
    );
    assert.is(new Set(ids).size, ids.length);
    assert.is(ids.length, count + traded.venue.totals(namespace).fills);
    assert.equal(await opened.dead(reports, orderSender), []);
    assert.is(traded.venue.totals(namespace).orders, count);
  },
  { timeoutMs: 120_000 },
);

test("two venues are used at once, and an order for a third is a dead letter", async () => {
  await using one = await openVenue({ name: "one" });
  await using two = await openVenue({ name: "two" });
  await using opened = await open();
  const log = memoryLog([]);
  await using sender = createOrderSender(opened.backbone, { venues: [one.address, two.address], log });
  await opened.run(sender.component);
  for (let n = 0; n < 20; n++) await opened.backbone.publish(exchangeOrders, orderOf(n, n % 2 === 0 ? "one" : "two"));
  await opened.backbone.publish(exchangeOrders, orderOf(99, "three"));
  await eventually(async () => (await filledIn(opened)) === 2_000);
  assert.equal([one.venue.totals().filled, two.venue.totals().filled], [1_000, 1_000]);
  const [dead] = await opened.dead(exchangeOrders, orderSender);
  assert.match(Object.values(dead ?? {}).join(" "), /order xo-99 is for venue "three", which is not configured/);
});

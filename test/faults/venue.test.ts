/** The boundary to a venue under faults: owners that are killed or stopped, a venue that is killed, sessions that are cut. */

import * as assert from "uvu/assert";
import { orderSender } from "../../consumers/order-sender/index.ts";
import {
  type ExchangeOrder,
  exchangeOrders,
  fills,
  quantityOf,
  reports,
  tradingPartitions,
  venueOrders,
} from "../../trading/domain/index.ts";
import { type Opened, open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startPipe } from "../support/pipe.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { sum } from "../trading/orders-of.ts";
import { startVenueProcess, type VenueProcess } from "../trading/venue/venue-process.ts";

const takeoverAfterMs = 500;
const slow = { timeoutMs: 180_000 };

function orderOf(n: number): ExchangeOrder {
  return {
    ...{ id: `xo-${n}`, parentClientOrderIds: ["a"], userIds: ["ann"], symbol: `S${n % 5}`, side: "buy" },
    ...{ price: `${10 + (n % 7)}`, quantity: 100, exchange: "simulated" },
  };
}

function startSender(opened: Opened, venueUrl: string): StartedProcess {
  return startProcess("consumers/order-sender/main.ts", [], {
    env: {
      REDIS_URL: redisUrl(),
      NAMESPACE: opened.backbone.namespace,
      VENUES: `simulated=${venueUrl}`,
      TAKEOVER_AFTER_MS: String(takeoverAfterMs),
      LOG_LEVEL: "info",
    },
  });
}

/** Each order is at the venue once, each share is accounted for once, each report is in the log once, and nothing is a dead letter. */
async function assertExact(opened: Opened, venue: VenueProcess, orders: number): Promise<void> {
  const { namespace } = opened.backbone;
  await eventually(async () => {
    const told = (await opened.entries(fills)).map(({ payload }) => payload);
    return sum(told.map(quantityOf)) >= orders * 100;
  }, 90_000);
  const told = (await opened.entries(fills)).map(({ payload }) => payload);
  assert.is(sum(told.map(quantityOf)), orders * 100);
  const { orders: taken, ordered, open: left, filled, rejected, cancelled } = await venue.totals(namespace);
  assert.equal([taken, ordered, left, filled + rejected + cancelled], [orders, orders * 100, 0, orders * 100]);
  const ids = (await opened.entries(reports)).map(({ payload }) =>
    payload.kind === "report" ? payload.report.id : "",
  );
  assert.is(new Set(ids).size, ids.length);
  for (const channel of [exchangeOrders, venueOrders, reports])
    assert.equal(await opened.dead(channel, orderSender), []);
}

test(
  "kill -9 of the Order Sender again and again: every order is at the venue once, and every report is applied once",
  async () => {
    await using venue = await startVenueProcess(["--latency-ms", "20", "--reject-rate", "0.1"]);
    await using opened = await open({ partitions: tradingPartitions });
    await using processes = new AsyncDisposableStack();
    const start = (): StartedProcess => processes.use(startSender(opened, venue.url));
    let sender = start();
    await sender.line('"joined"');
    let placed = 0;
    for (let round = 0; round < 4; round++) {
      // Some of them are at the venue and not settled, some reports are appended and not handled when it dies.
      const publishing = Array.from({ length: 150 }, () => opened.backbone.publish(exchangeOrders, orderOf(placed++)));
      await Promise.all(publishing);
      await eventually(async () => (await venue.totals()).orders > placed - 100, 90_000);
      sender.kill();
      await sender.ended;
      sender = start();
    }
    await assertExact(opened, venue, placed);
  },
  slow,
);

test(
  "SIGSTOP of an owner beyond the takeover: the venue ends its session for the next owner's, and refuses it when it wakes",
  async () => {
    await using venue = await startVenueProcess(["--latency-ms", "20"]);
    await using opened = await open({ partitions: tradingPartitions });
    await using stopped = startSender(opened, venue.url);
    await stopped.line('"joined"');
    const place = (from: number, count: number) =>
      Promise.all(Array.from({ length: count }, (_, n) => opened.backbone.publish(exchangeOrders, orderOf(from + n))));
    const publishing = place(0, 300);
    await eventually(async () => (await venue.totals()).orders > 50);
    stopped.kill("SIGSTOP");
    await publishing;
    await using next = startSender(opened, venue.url);
    await next.line("took over from an owner that had fallen silent");
    await eventually(async () => (await venue.totals()).orders === 300, 60_000);
    stopped.kill("SIGCONT");
    await stopped.line("has lost the partition");
    await place(300, 100);
    await assertExact(opened, venue, 400);
  },
  slow,
);

test(
  "kill -9 of the venue and cut sessions under load: no order and no report is lost or applied twice",
  async () => {
    await using venue = await startVenueProcess(["--latency-ms", "20", "--reject-rate", "0.1"]);
    await using proxy = await startPipe(venue.url.slice("ws://".length));
    await using opened = await open({ partitions: tradingPartitions });
    await using sender = startSender(opened, `ws://${proxy.address}`);
    await sender.line('"joined"');
    let placed = 0;
    for (let round = 0; round < 3; round++) {
      const publishing = Array.from({ length: 150 }, () => opened.backbone.publish(exchangeOrders, orderOf(placed++)));
      await eventually(async () => (await venue.totals()).orders > placed - 140, 90_000);
      if (round % 2 === 0) {
        await venue.kill();
        await venue.restart();
      } else {
        proxy.blackHole();
        await eventually(() => sender.lines.some((line) => line.includes("nothing has come for")));
        proxy.heal();
      }
      proxy.cut();
      await Promise.all(publishing);
    }
    await assertExact(opened, venue, placed);
  },
  slow,
);

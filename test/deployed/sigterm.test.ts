/** A component's process that is asked to end under full load ends soon, and loses nothing. */

import * as assert from "uvu/assert";
import { type ClientRequest, clientOrders, type ExchangeRequest, exchangeOrders } from "../../trading/domain/index.ts";
import { open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { order, sum } from "../trading/orders-of.ts";

const placed = 12_000;
const aimMs = 2_000;
/** On a machine that has much else to do. */
const allowedMs = 3 * aimMs;

test(
  `the Algorithm ends with 0 within ${aimMs} ms of SIGTERM with thousands of orders before it, and the next one finishes the rest`,
  async () => {
    await using o = await open();
    const env = {
      REDIS_URL: redisUrl(),
      NAMESPACE: o.backbone.namespace,
      LOG_LEVEL: "info",
      TAKEOVER_AFTER_MS: "1000",
    };
    for (let first = 0; first < placed; first += 500) {
      const orders = Array.from({ length: 500 }, (_, n) => order({ id: `c-${first + n}`, symbol: `S${n % 20}` }));
      await Promise.all(orders.map((one) => o.backbone.publish(clientOrders, one)));
    }
    const standing = async () =>
      (await o.backbone.status()).components[0]?.channels.find(({ channel }) => channel === clientOrders.name);
    await using algorithm = startProcess("consumers/algorithm/main.ts", [], { env });
    await eventually(async () => (await o.length(exchangeOrders)) > 500);
    const sentAt = performance.now();
    algorithm.kill("SIGTERM");
    assert.equal(await algorithm.ended, { code: 0, signal: null });
    const ms = Math.round(performance.now() - sentAt);
    const before = await standing();
    console.log(
      `ended ${ms} ms after SIGTERM; of ${placed} orders ${before?.lagEntries} were unread, ${before?.pending} handed back`,
    );
    assert.ok((before?.lagEntries ?? 0) > 0); // it was under load until the end
    assert.ok(ms < allowedMs, `${ms} ms`);

    await using next = startProcess("consumers/algorithm/main.ts", [], { env });
    const shares = (orders: readonly { readonly payload: ClientRequest | ExchangeRequest }[]): number =>
      sum(orders.map(({ payload }) => ("quantity" in payload ? payload.quantity : 0)));
    const wanted = shares(await o.entries(clientOrders));
    await eventually(async () => {
      const left = await standing();
      return left?.lagEntries === 0 && left.pending === 0;
    }, 60_000);
    assert.is(shares(await o.entries(exchangeOrders)), wanted);
    next.kill("SIGTERM");
    assert.equal(await next.ended, { code: 0, signal: null });
  },
  { timeoutMs: 120_000 },
);

/** The Algorithm's own handlers over a recorded run of two members: the same outputs and state, in the order in which they had settled. */

import { existsSync } from "node:fs";
import * as assert from "uvu/assert";
import { algorithmSubscriptions } from "../../consumers/algorithm/index.ts";
import { noVenues, orderSender, orderSenderSubscriptions } from "../../consumers/order-sender/index.ts";
import { orderManager, orderManagerSubscriptions, orderStore } from "../../producers/order-manager/index.ts";
import { type Difference, diff, openRecording, record, replayComponent } from "../../src/replay.ts";
import {
  clientOrders,
  exchangeOrders,
  executions,
  fills,
  isCancel,
  reports,
  venueOrders,
} from "../../trading/domain/index.ts";
import { skip, test } from "../support/test.ts";
import { changedKeys, fingerprint } from "./fingerprint.ts";
import { makeDirectory } from "./recording-files.ts";
import { ordersOf, type Trading, trade, tradingChannels, tradingComponents } from "./trading.ts";

const sample = "trading/domain/sample/orders.ndjson";
const realOrders = "../shared/data/aapl-2012-06-21-open-orders.csv";
const channels = [clientOrders, exchangeOrders, venueOrders, reports, fills, executions];
const slow = { timeoutMs: 300_000 };

/**
 * Client orders whose net order is larger than the new size of a slice: no others can be affected by it. A very large one is cut into a
 * hundred slices, whatever their size.
 */
async function slicedAnew(trading: Trading, before: number, after: number): Promise<readonly string[]> {
  const nets = new Map<string, { quantity: number; orders: Set<string> }>();
  for (const { payload } of await trading.o.entries(exchangeOrders)) {
    if (isCancel(payload)) continue;
    const net = payload.id.replace(/-\d+$/, "");
    const known = nets.get(net) ?? { quantity: 0, orders: new Set() };
    nets.set(net, known);
    known.quantity += payload.quantity;
    for (const id of payload.parentClientOrderIds) known.orders.add(id);
  }
  const isSliced = (quantity: number): boolean => quantity > after && Math.ceil(quantity / 100) < before;
  const concerned = [...nets.values()].filter(({ quantity }) => isSliced(quantity));
  return [...new Set(concerned.flatMap(({ orders }) => [...orders]))].sort();
}

function totals({ channels: all }: Difference): readonly number[] {
  return ["same", "changed", "missing", "added"].map((kind) =>
    Object.values(all).reduce((sum, counts) => sum + counts[kind as "same"], 0),
  );
}

test(
  "an unchanged Algorithm over the sample gives no difference; with smaller slices it names exactly the orders that they cut",
  async () => {
    await using trading = await trade(sample);
    const recorded = await trading.record();
    const lengths = await Promise.all(
      [clientOrders, exchangeOrders, fills, executions].map((channel) =>
        trading.o.client.xlen(trading.o.stream(channel)),
      ),
    );
    const before = await fingerprint(trading.o);

    const replay = replayComponent({
      source: recorded,
      component: "algorithm",
      subscriptions: algorithmSubscriptions(),
    });
    const same = await diff(recorded, replay, { channels });
    assert.equal([same.events, same.outcomes, same.notes], [[], [], []]);
    assert.ok(same.isSame);
    assert.equal(totals(same), [lengths.reduce((sum, length) => sum + length), 0, 0, 0]);
    assert.is(replay.summary?.order, "settled");
    assert.equal(replay.summary?.gaps, { absent: 0, unsettled: 0, unsubscribed: 0 });
    assert.equal([...replay.state()], [], "every order is executed or rejected, so that none is open");

    const subscriptions = algorithmSubscriptions({ maxSliceQuantity: 500 });
    const smaller = replayComponent({ source: recorded, component: "algorithm", subscriptions });
    const changed = await diff(recorded, smaller, { channels });
    const expected = await slicedAnew(trading, 1_000, 500);
    assert.ok(expected.length > 100 && expected.length < 2_400, `${expected.length} of the sample's orders`);
    const named = changed.concerned["client.order_id"] ?? [];
    assert.equal(
      named.filter((id) => !expected.includes(id)),
      [],
      "no other order is named",
    );
    assert.equal(
      expected.filter((id) => !named.includes(id)),
      [],
      "none is left out",
    );
    assert.is(changed.isSame, false);

    // Two members and two channels: in the order of the entry ids the outputs would differ.
    const unchanged = algorithmSubscriptions();
    const appended = replayComponent({
      source: recorded,
      component: "algorithm",
      subscriptions: unchanged,
      order: "appended",
    });
    assert.is((await diff(recorded, appended, { channels })).isSame, false);

    assert.equal(changedKeys(before, await fingerprint(trading.o)), [], "nothing in Redis has changed");
  },
  slow,
);

test(
  "an unchanged Algorithm over the real orders of a morning gives no difference",
  async () => {
    if (!existsSync(realOrders)) skip(`${realOrders} is not there`);
    await using trading = await trade(realOrders);
    const recorded = await trading.record();
    const replay = replayComponent({
      source: recorded,
      component: "algorithm",
      subscriptions: algorithmSubscriptions(),
    });
    const difference = await diff(recorded, replay, { channels });
    assert.equal([difference.events, difference.outcomes, difference.notes], [[], [], []]);
    assert.is(difference.channels["client-orders"]?.same, 10_895);
    assert.ok((replay.summary?.outputs ?? 0) > 20_000);
  },
  slow,
);

test(
  "the Order Sender makes of the recorded reports what it made of them, without a venue, and the Order Manager's records are the live ones",
  async () => {
    await using trading = await trade(await ordersOf(sample, 300));
    await using directory = await makeDirectory();
    const path = directory.path("morning.ndjson.zst");
    await record(trading.o.backbone, tradingChannels, path, { components: tradingComponents });
    const source = await openRecording(path);

    const sender = replayComponent({
      source,
      component: orderSender,
      subscriptions: orderSenderSubscriptions(noVenues),
    });
    const sent = await diff(source, sender, { channels });
    assert.equal([sent.events, sent.outcomes], [[], []]);
    assert.is(sent.channels["fills"]?.same, (await trading.o.entries(fills)).length);
    assert.is(sent.channels["venue-orders"]?.same, (await trading.o.entries(exchangeOrders)).length);

    const manager = replayComponent({ source, component: orderManager, subscriptions: orderManagerSubscriptions() });
    for await (const _ of manager.calls());
    assert.equal(manager.summary?.gaps, { absent: 0, unsettled: 0, unsubscribed: 0 });
    const live = trading.o.backbone.view<unknown>(orderManager, orderStore);
    let records = 0;
    for (const { key, value } of manager.state()) {
      records++;
      assert.equal(value, await live.get(key), key);
    }
    assert.is(records, 300);
  },
  slow,
);

/** Least-privilege users can do everything that their roles are for: run the pipeline, mend it and maintain it; Redis denies nothing. */

import * as assert from "uvu/assert";
import { createAlgorithm } from "../../../consumers/algorithm/index.ts";
import { createOrderManager, placeOrder } from "../../../producers/order-manager/index.ts";
import { openObserver } from "../../../src/composition/observer.ts";
import { openOperator } from "../../../src/composition/operator.ts";
import { openOwner } from "../../../src/composition/owner.ts";
import { item, on, PermanentError, type SourceTools } from "../../../src/index.ts";
import { soon, type Thing, things } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { test } from "../../support/test.ts";
import { openVenue, senderFor } from "../../trading/venue/test-venue.ts";
import { assertDenied, namespace, start } from "./server.ts";

test("the whole pipeline runs under least-privilege users, and Redis denies nothing of it", async () => {
  await using server = await start();
  const channels = ["client-orders", "executions", "exchange-orders", "fills"];
  const ofSender = ["exchange-orders", "venue-orders", "reports", "fills"];
  const manager = await server.connect(
    await server.user("manager", ["producer", "component"], {
      channels: ["client-orders", "executions"],
      component: "order-manager",
      dedupes: true,
    }),
  );
  const algorithm = await server.connect(
    await server.user("algorithm", ["component"], { channels, component: "algorithm" }),
  );
  const sender = await server.connect(
    await server.user("sender", ["component", "source"], {
      ...{ channels: ofSender, component: "order-sender", source: "venue-simulated" },
    }),
  );
  const operatorUrl = await server.user("operator", ["operator"]);
  await using venue = await openVenue({ latencyMs: 0 });
  const sending = senderFor(sender, [venue]);
  await using _sender = sending.sender;
  const components = [
    await server.run(createOrderManager(manager)),
    await server.run(createAlgorithm(algorithm)),
    await server.run(sending.sender.component),
  ];
  for (let n = 0; n < 20; n++) {
    await placeOrder(manager, {
      id: `o-${n}`,
      userId: "ann",
      symbol: "AAPL",
      side: "buy",
      price: "10.00",
      quantity: 1_500,
      orderType: "limit",
    });
  }
  await using observer = openObserver({ url: operatorUrl, namespace });
  await eventually(async () => {
    for (const component of components) await component.whenIdle();
    let executed = 0;
    for await (const { envelope } of observer.read("executions")) {
      executed += (JSON.parse(envelope?.payload ?? "{}") as { quantity?: number }).quantity ?? 0;
    }
    return executed === 20 * 1_500;
  });
  assert.is((await observer.status()).components.length, 3);
  assert.ok((await observer.journey("client.order_id=o-3")).events > 0);
  const following = new AbortController();
  for await (const _ of observer.read("executions", { follow: true, signal: following.signal, limit: 1 }))
    following.abort();
  assert.equal(await server.denied(), []);
  assert.equal(
    server.lines.filter(({ level }) => level === "error" || level === "warn"),
    [],
  );
});

test(
  "retries, dead letters, a redrive, a purge and a group that is gone need no more than the roles have",
  async () => {
    await using server = await start();
    const channel = things("things", { retry: { ...soon, maxAttempts: 2 }, dedupe: { windowMs: 60_000 } });
    const publisher = await server.connect(
      await server.user("publisher", ["producer"], { channels: ["things"], dedupes: true }),
    );
    const url = await server.user("worker", ["component"], { channels: ["things"] });
    const worker = await server.connect(url);
    let isMended = false;
    const handled: number[] = [];
    const component = await server.run(
      worker.component(
        "c",
        [
          on(channel, async ({ payload: { n } }, { attempt, state }) => {
            const counts = state<number>("counts");
            counts.set("all", ((await counts.get("all")) ?? 0) + 1);
            if (n === 1 && attempt === 1) throw new Error("once");
            if (n >= 2 && !isMended) throw new PermanentError("not yet");
            handled.push(n);
          }),
        ],
        { takeoverAfterMs: 500 },
      ),
    );
    await server.described("things");
    await publisher.publishAll([0, 1, 2].map((n) => item(channel, { n })));
    await publisher.publish(channel, { n: 3 }, { eventId: "three" });
    await publisher.publish(channel, { n: 3 }, { eventId: "three" });
    await component.whenIdle();
    assert.equal(handled.toSorted(), [0, 1]);

    isMended = true;
    await using operator = openOperator({ url: await server.user("operator", ["operator"]), namespace });
    const letters = operator.deadLetters({ component: "c" });
    assert.is((await letters.rehearse()).redriven, 2);
    assert.is((await letters.purge({ limit: 1 })).purged, 1);
    assert.is((await letters.redrive()).redriven, 1);
    await component.whenIdle();
    // The order of the two burials, and so of the purges, is not defined: the events share no key.
    const again = handled.filter((n) => n >= 2);
    assert.ok(again.length === 1 && (again[0] === 2 || again[0] === 3), again.join());
    // Its group is gone, and made again where its row says.
    const stream = `{${namespace}:0}:things`;
    await server.admin.xgroup("DESTROY", stream, "c");
    await publisher.publish(channel, { n: 9 });
    await eventually(() => handled.includes(9));
    assert.equal(await server.denied(), []);
  },
  { timeoutMs: 120_000 },
);

test("an owner retires a component that is gone, and a component's group on a channel", async () => {
  await using server = await start();
  const channels = [things("one"), things("two")];
  const worker = await server.connect(await server.user("worker", ["component"], { channels: ["one", "two"] }));
  for (const name of ["gone", "here"]) {
    const component = await server.run(
      worker.component(
        name,
        channels.map((channel) => on(channel, () => undefined)),
      ),
    );
    await component.drain();
  }
  await using owner = openOwner({ url: await server.user("owner", ["owner"]), namespace });
  assert.is((await owner.retire("gone")).groups.length, 2);
  assert.is((await owner.retire("here", { channel: "two" })).groups.length, 1);
  const groups = (await server.admin.xinfo("GROUPS", `{${namespace}:0}:one`)) as unknown[][];
  assert.equal(
    groups.map(([, name]) => name),
    ["here"],
  );
  assert.equal(await server.denied(), []);
});

test("maintenance runs under a component's user, and an evicting producer's", async () => {
  await using server = await start();
  const kept = things("kept", { retention: { maxEntries: 5 } });
  const capped = things("capped", { retention: { hardCap: 5, onFull: "evict" } });
  const channels = ["kept", "capped"];
  const url = await server.user("worker", ["component"], { channels });
  const worker = await server.connect(url, { maintenanceEveryMs: 100 });
  await server.run(worker.component("c", [on(kept, () => undefined), on(capped, () => undefined)]));
  await server.described(...channels);
  const publisher = await server.connect(await server.user("publisher", ["producer"], { channels, evicts: true }));
  for (let n = 0; n < 20; n++) {
    await publisher.publish(kept, { n });
    await publisher.publish(capped, { n });
  }
  await eventually(async () => (await server.admin.xlen(`{${namespace}:0}:kept`)) <= 6);
  assert.ok((await server.admin.xlen(`{${namespace}:0}:capped`)) <= 5);
  assert.is((await worker.status()).channels.length, 2);
  assert.equal(await server.denied(), []);
});

test("a source needs no more than its role has, and may touch no other source, and no component", async () => {
  await using server = await start();
  const channel = things("reports", { retention: { hardCap: 2 } });
  const url = await server.user("feed", ["source"], { channels: ["reports"], source: "venue" });
  const feed = await server.connect(url);
  const run = async ({ position = "0", append, signal }: SourceTools<Thing>): Promise<void> => {
    for (let n = Number(position) + 1; !signal.aborted; n++) await append([{ payload: { n } }], String(n));
  };
  const source = feed.source("venue", channel, run);
  const stream = `{${namespace}:0}:reports`;
  await eventually(() => /is full/.test(source.health.reason ?? ""));
  await server.admin.xtrim(stream, "MAXLEN", 0);
  await eventually(async () => (await server.admin.xlen(stream)) === 2);
  await server.described("reports");
  assert.is(await server.admin.hget(`${namespace}:meta`, "source:venue"), "reports perPartition");
  await source[Symbol.asyncDispose]();
  assert.equal(await server.denied(), []);
  await assertDenied(server.client(url), [
    ["HSET", `{${namespace}:0}:owner:source/other`, "epoch", "9"],
    ["HSET", `{${namespace}:0}:owner:c`, "epoch", "9"],
    ["HSET", `{${namespace}:0}:state:source/other:position`, "at", "9"],
    ["HSET", `{${namespace}:0}:state:c:s`, "k", "9"],
    ["XADD", `{${namespace}:0}:other`, "*", "payload", "1"],
    ["XRANGE", stream, "-", "+"],
  ]);
});

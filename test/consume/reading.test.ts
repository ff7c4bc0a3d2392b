/** Whatever happens to a connection, each entry is handled, and its outputs are there once. */

import * as assert from "uvu/assert";
import { type Channel, type Component, on } from "../../src/index.ts";
import { sliceScripts } from "../../src/redis/slices/scripts.ts";
import { type Opened, open, soon, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { named, startProxy } from "../support/proxy.ts";
import { redisUrl, skipOnCluster } from "../support/redis.ts";
import { test } from "../support/test.ts";

const reads = named("xread");

/** A component that passes everything on. */
function copier(o: Opened, from: Channel<Thing>, to: Channel<Thing>, name = "copier"): Component {
  return o.backbone.component(name, [on(from, async ({ payload }, { publish }) => void (await publish(to, payload)))], {
    takeoverAfterMs: 60_000,
  });
}

async function numbers(o: Opened, channel: Channel<Thing>): Promise<readonly number[]> {
  return (await o.entries(channel)).map(({ payload }) => payload.n).sort((a, b) => a - b);
}

/** Compares without printing thousands of lines. */
function once(found: readonly number[], wanted: readonly number[]): void {
  const counts = new Map<number, number>();
  for (const n of found) counts.set(n, (counts.get(n) ?? 0) + 1);
  const missing = wanted.filter((n) => !counts.has(n)).slice(0, 20);
  const repeated = [...counts]
    .filter(([, count]) => count > 1)
    .map(([n]) => n)
    .slice(0, 20);
  assert.equal({ missing, repeated, count: found.length }, { missing: [], repeated: [], count: wanted.length });
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

test("reads again what a lost reply to a read had brought", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(copier(o, source, out));
  for (let n = 0; n < 300; n++) {
    if (n % 100 === 0) {
      await component.whenIdle();
      const swallowed = proxy.swallowReply(reads);
      // The read that waits now is answered by the next entry.
      await o.write(source, "payload", JSON.stringify({ n }));
      await swallowed;
      proxy.cut();
      await eventually(() => proxy.connections > 0);
      await o.write(source, "payload", JSON.stringify({ n: 1_000 + n }));
    } else await o.write(source, "payload", JSON.stringify({ n }));
  }
  await component.whenIdle();
  once(await numbers(o, out), [...upTo(300), 1_000, 1_100, 1_200]);
});

test("reads what came to a read that the server believed alive after we had given it up", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(copier(o, source, out));
  const waiting = async (): Promise<number> =>
    String(await o.client.client("LIST"))
      .split("\n")
      .filter((line) => line.includes("throughline:read:copier") && line.includes("flags=b")).length;
  await eventually(async () => (await waiting()) === 1);
  proxy.cut({ server: false, last: "xread" });
  // The new connection waits for new entries behind the old one.
  await eventually(async () => (await waiting()) === 2);
  await o.write(source, "payload", '{"n":0}');
  await component.whenIdle();
  once(await numbers(o, out), [0]);
});

test("settles once when the reply to a settlement is lost", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(copier(o, source, out));
  for (let n = 0; n < 20; n++) {
    const swallowed = proxy.swallowReply(named("evalsha", sliceScripts.settle.sha));
    const ref = await o.backbone.publish(source, { n });
    assert.is(await component.whenSettled(ref), "acked");
    await swallowed;
  }
  await component.whenIdle();
  once(await numbers(o, out), upTo(20));
});

test("settles once in each of many partitions when many settlements are under way and their replies are lost", async () => {
  await using proxy = await startProxy(redisUrl());
  const partitions = 16;
  await using o = await open({ url: proxy.url, direct: redisUrl(), partitions });
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(copier(o, source, out));
  const isSettle = named("evalsha", sliceScripts.settle.sha);
  proxy.delay("toClient", 20);
  for (let first = 0; first < 2_000; first += 500) {
    const swallowed = proxy.swallowReply(isSettle, 3 * partitions - 2);
    for (let n = first; n < first + 500; n++) {
      o.backbone.publish(source, { n, key: `${n}` });
      if (n % partitions === 0) await new Promise(setImmediate);
    }
    await Promise.race([swallowed, component.whenIdle()]);
  }
  proxy.heal();
  await component.whenIdle();
  const outputs: number[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    for (const [, fields] of await o.client.xrange(o.keys.stream(partition, "out"), "-", "+")) {
      outputs.push((JSON.parse(fields[7] ?? "") as Thing).n);
    }
  }
  once(outputs, upTo(2_000));
});

test(
  "makes progress and loses nothing while its clients are killed all the time",
  async () => {
    skipOnCluster("CLIENT KILL");
    await using o = await open();
    const [source, middle, out] = [things("source"), things("middle"), things("out")];
    const seen: Component[] = [];
    for (const member of [
      copier(o, source, middle, "first"),
      copier(o, middle, out, "second"),
      copier(o, middle, out, "second"),
    ]) {
      seen.push(await o.run(member));
    }
    let killed = 0;
    const killer = setInterval(() => {
      o.client.client("LIST").then(async (list) => {
        for (const line of String(list).split("\n")) {
          if (!/name=throughline:(publish|settle|read)/.test(line)) continue;
          killed += Number(await o.client.client("KILL", "ID", /^id=(\d+)/.exec(line)?.[1] ?? "0"));
        }
      });
    }, 100);
    let published = 0;
    try {
      // A fast machine has published 3,000 before many are killed.
      for (; published < 3_000 || killed <= 10; published += 100) {
        await Promise.all(
          Array.from({ length: 100 }, (_, n) => o.backbone.publish(source, { n: published + n, key: `${n % 9}` })),
        );
      }
      for (const component of seen) await component.whenIdle();
    } finally {
      clearInterval(killer);
    }
    for (const component of seen) await component.whenIdle();
    once(await numbers(o, out), upTo(published));
    for (const [key, entries] of Map.groupBy(await o.entries(middle), ({ fields }) => fields["key"])) {
      const own = entries.map(({ payload }) => payload.n);
      assert.equal(
        own,
        [...own].sort((a, b) => a - b),
        `order of key ${key}`,
      );
    }
  },
  { timeoutMs: 60_000 },
);

test("goes on when the server has forgotten the scripts", async () => {
  await using o = await open();
  const [source, out] = [things("source", { retry: soon }), things("out")];
  const component = await o.run(copier(o, source, out));
  for (let n = 0; n < 500; n++) {
    if (n % 50 === 0) await o.client.script("FLUSH");
    await o.backbone.publish(source, { n });
  }
  await component.whenIdle();
  once(await numbers(o, out), upTo(500));
});

test(
  "cuts a connection that has fallen silent, and goes on",
  async () => {
    await using proxy = await startProxy(redisUrl());
    await using o = await open({ url: proxy.url, direct: redisUrl() });
    const [source, out] = [things("source"), things("out")];
    const component = await o.run(copier(o, source, out));
    await component.whenSettled(await o.backbone.publish(source, { n: 0 }));
    proxy.blackHole();
    const published = [1, 2, 3].map((n) => o.backbone.publish(source, { n }));
    await o.write(source, "payload", '{"n":4}');
    proxy.heal();
    await Promise.all(published);
    await component.whenIdle();
    once(await numbers(o, out), [0, 1, 2, 3, 4]);
  },
  { timeoutMs: 40_000 },
);

test("keeps an entry pending, and says so, while an output's key has another type", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  await o.client.set(o.stream(out), "a string");
  const component = await o.run(copier(o, source, out));
  await o.backbone.publish(source, { n: 1 });
  await eventually(() => o.log.some(({ fields }) => String(fields["reason"]).includes("is a string, not a stream")));
  await eventually(async () => (await o.client.xpending(o.stream(source), "copier"))[0] === 1);
  await o.client.del(o.stream(out));
  await component.whenIdle();
  once(await numbers(o, out), [1]);
});

test("makes its group again when it is gone, and reads on", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(copier(o, source, out));
  await component.whenSettled(await o.backbone.publish(source, { n: 0 }));
  await o.client.xgroup("DESTROY", o.stream(source), "copier");
  await o.backbone.publish(source, { n: 1 });
  await eventually(async () => (await o.entries(out)).length === 2);
  await o.client.del(o.stream(source));
  await o.backbone.publish(source, { n: 2 });
  await eventually(async () => (await o.entries(out)).length === 3);
  await component.whenIdle();
  once(await numbers(o, out), [0, 1, 2]);
  assert.ok(o.log.some(({ level, text }) => level === "error" && text.includes("group was gone")));
});

test("gets through a backlog that is longer than what may be in flight", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  await Promise.all(upTo(2_000).map((n) => o.backbone.publish(source, { n })));
  const first = Promise.withResolvers<void>();
  let begun = 0;
  const component = o.backbone.component(
    "c",
    [
      on(source, async ({ payload }, { publish }) => {
        begun++;
        await first.promise;
        await publish(out, payload);
      }),
    ],
    { concurrency: 10, maxInFlight: 40 },
  );
  await o.run(component);
  await eventually(() => begun === 10);
  first.resolve();
  await component.whenIdle();
  once(await numbers(o, out), upTo(2_000));
});

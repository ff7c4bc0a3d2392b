/** A namespace that an older version has written is taken over, whatever its members had left. */

import { readFile } from "node:fs/promises";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { ConfigError, connectBackbone, on, openObserver } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type LogLine, memoryLog, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

/**
 * Keys as DUMP gives them, written by the version before format 2: a component "desk" in two partitions, killed while it held "orders" 38 and 39,
 * with 7 dead-lettered, three of "slow" parked for an hour, and its groups on "gone" destroyed when all but the last four were settled.
 */
async function restore(client: Redis): Promise<void> {
  const dump = JSON.parse(await readFile(new URL("../fixtures/format-1.json", import.meta.url), "utf8")) as object;
  for (const [key, base64] of Object.entries(dump)) {
    await client.restore(key, 0, Buffer.from(base64 as string, "base64"));
    if (!key.includes(":parked:")) continue;
    // Due in half an hour from now, whenever the dump was made.
    for (const entryId of await client.zrange(key, "0", "-1")) await client.zadd(key, Date.now() + 1_800_000, entryId);
  }
}

interface Event {
  readonly n: number;
  readonly key: string;
}

test(
  "what was pending, parked, counted, kept as state and passed is as it was",
  async () => {
    await using redis = await startPrivateRedis();
    const client = new Redis(redis.url, { protocol: 2 });
    await restore(client);
    for (const partition of [0, 1]) await client.zadd(`{old:${partition}}:members:desk`, 1, "long.dead");
    await client.sadd("{old:0}:robbed:desk:somebody", "x");
    const log: LogLine[] = [];
    await using backbone = await connectBackbone({ url: redis.url, namespace: "old", log: memoryLog(log) });
    assert.is(await client.hget("old:meta", "format"), "2");
    assert.equal(await client.keys("*:robbed:*"), []);
    assert.equal([...(await client.keys("*:members:*")), ...(await client.keys("*:positions:*"))], []);
    const slow = { retry: { backoffMs: 3_600_000, maxBackoffMs: 3_600_000, jitter: 0 } };
    const [orders, slowly, gone, out] = [things("orders"), things("slow", slow), things("gone"), things("out")];
    const handled: string[] = [];
    const note = ({ payload, channel }: { payload: { n: number }; channel: string }): void =>
      void handled.push(`${channel} ${payload.n}`);
    const component = backbone.component("desk", [
      on(orders, async (event, { publish, state }) => {
        note(event);
        const { key = "" } = event.payload;
        const seen = state<number>("seen");
        seen.set(key, ((await seen.get(key)) ?? 0) + 1);
        await publish(out, event.payload);
      }),
      on(slowly, note),
      on(gone, note),
    ]);
    const run = component.run();
    await component.ready();
    await eventually(() => handled.length >= 16);
    const wanted = [
      ...[38, 39, ...Array.from({ length: 10 }, (_, i) => 40 + i)].map((n) => `orders ${n}`),
      ...[10, 11, 12, 13].map((n) => `gone ${n}`),
    ];
    assert.equal(handled.toSorted(), wanted.toSorted());
    const outputs: number[] = [];
    for await (const { payload } of backbone.read(out)) outputs.push((payload as Event).n);
    await eventually(async () =>
      (await backbone.status()).components.every(({ channels }) => channels.every((one) => one.lagEntries === 0)),
    );
    const all = Array.from({ length: 50 }, (_, n) => n).filter((n) => n !== 7);
    await eventually(async () => {
      outputs.length = 0;
      for await (const { payload } of backbone.read(out)) outputs.push((payload as Event).n);
      return outputs.length >= all.length;
    });
    assert.equal(
      outputs.toSorted((a, b) => a - b),
      all,
    );
    const sums = await Promise.all(
      ["k0", "k1", "k2", "k3", "k4"].map((key) => backbone.view<number>("desk", "seen").get(key)),
    );
    assert.equal(sums, [10, 10, 9, 10, 10]);
    const { components } = await backbone.status();
    const parked = components.flatMap(({ channels }) => channels).reduce((sum, one) => sum + one.parked, 0);
    assert.is(parked, 3);
    await component.drain();
    await run;
    client.disconnect();
  },
  { timeoutMs: 60_000 },
);

test("is refused while a member of the older version lives, and by tools that only read", async () => {
  await using redis = await startPrivateRedis();
  const client = new Redis(redis.url, { protocol: 2 });
  await restore(client);
  await using observer = openObserver({ url: redis.url, namespace: "old" });
  await rejects(observer.status(), ConfigError, /has format 1; this version reads format 2: "throughline prepare"/);
  await client.zadd("{old:1}:members:desk", Date.now(), "desk.host.1.abc");
  await rejects(
    connectBackbone({ url: redis.url, namespace: "old" }),
    ConfigError,
    /older version.*desk\.host\.1\.abc/,
  );
  assert.is(await client.hget("old:meta", "format"), "1");
  await client.zrem("{old:1}:members:desk", "desk.host.1.abc");
  client.disconnect();
});

/** Memory is full and every process is restarted: the processes start, maintenance frees memory, and work goes on. */

import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { z } from "zod";
import { defineChannel, on, PublishError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

interface Bulky {
  readonly n: number;
  readonly text: string;
}

const schema: z.ZodType<Bulky, unknown> = z.object({ n: z.number(), text: z.string() });
const wide = defineChannel<Bulky>({ name: "wide", schema });
/** The same channel with a retention, after an operator has noticed that it keeps too much. */
const narrow = defineChannel<Bulky>({ name: "wide", schema, retention: { maxEntries: 10 } });
const bulky = (n: number): Bulky => ({ n, text: randomBytes(5_000).toString("hex") });

async function fillUp(client: Redis): Promise<void> {
  const used = Number(/^used_memory:(\d+)/m.exec(await client.info("memory"))?.[1]);
  await client.config("SET", "maxmemory", String(used - 1_000_000));
}

test(
  "starts where memory is full, frees it by maintenance, and goes on",
  async () => {
    await using redis = await startPrivateRedis();
    const namespace = "full";
    {
      await using o = await open({ url: redis.url, namespace });
      const component = await o.run(o.backbone.component("c", [on(wide, () => undefined)]));
      await Promise.all(Array.from({ length: 600 }, (_, n) => o.backbone.publish(wide, bulky(n))));
      await component.whenIdle();
      await fillUp(o.client);
      await rejects(o.backbone.publish(wide, bulky(-1)), PublishError, /OOM/);
    }
    await using o = await open({ url: redis.url, namespace, maintenanceEveryMs: 100 });
    const handled: number[] = [];
    const component = o.backbone.component("c", [on(narrow, ({ payload }) => void handled.push(payload.n))]);
    await o.run(component);
    await eventually(async () => (await o.client.xlen(o.stream(narrow))) <= 100);
    await o.backbone.publish(narrow, bulky(1_000));
    await eventually(() => handled.includes(1_000));
    await component.whenIdle();
  },
  { timeoutMs: 60_000 },
);

test(
  "finishes what a dead member had in hand while memory is full, so that its entries can be trimmed",
  async () => {
    await using redis = await startPrivateRedis();
    await using o = await open({ url: redis.url, maintenanceEveryMs: 100 });
    await Promise.all(Array.from({ length: 600 }, (_, n) => o.backbone.publish(wide, bulky(n))));
    // A member has died with the oldest entries in flight, which hold all later ones.
    await o.client.xgroup("CREATE", o.stream(wide), "c", "0");
    await o.client.xreadgroup("GROUP", "c", "dead", "COUNT", 5, "STREAMS", o.stream(wide), ">");
    await fillUp(o.client);
    const handled = new Set<number>();
    const component = o.backbone.component("c", [on(narrow, ({ payload }) => void handled.add(payload.n))], {
      takeoverAfterMs: 1_000,
    });
    await o.run(component);
    await eventually(() => handled.size === 600, 20_000);
    await eventually(async () => (await o.client.xlen(o.stream(narrow))) <= 100);
    await o.backbone.publish(narrow, bulky(1_000));
    await component.whenIdle();
    assert.ok(handled.has(1_000));
  },
  { timeoutMs: 60_000 },
);

test("opens a namespace that nobody has used yet while memory is full, and describes it when there is room", async () => {
  await using redis = await startPrivateRedis();
  const client = new Redis(redis.url, { protocol: 2 });
  await client.config("SET", "maxmemory", "1");
  client.disconnect();
  await using o = await open({ url: redis.url });
  const handled: number[] = [];
  const component = await o.run(o.backbone.component("c", [on(narrow, ({ payload }) => void handled.push(payload.n))]));
  await rejects(o.backbone.publish(narrow, bulky(0)), PublishError, /OOM/);
  await o.client.config("SET", "maxmemory", "0");
  await o.backbone.publish(narrow, bulky(1));
  await component.whenIdle();
  assert.equal(handled, [1]);
  await eventually(async () => (await o.backbone.status()).channels.some(({ channel }) => channel === "wide"));
});

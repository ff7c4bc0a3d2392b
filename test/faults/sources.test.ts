/** A source's process is killed, stopped and replaced, its connections break on both sides, its Redis is killed: what the outside numbers is in the log once. */

import * as assert from "uvu/assert";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { positionKey, readPosition, sliceOfSource } from "../../src/model/source-names.ts";
import { sliceScripts } from "../../src/redis/slices/scripts.ts";
import { type Opened, open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { feedSource, reports } from "../support/feed-source.ts";
import { fullOr } from "../support/full-length.ts";
import { type NumberedFeed, startNumberedFeed } from "../support/numbered-feed.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { named, startProxy, type Proxy as TcpProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const rounds = fullOr(5, 1);
const partitions = 2;
const slice = sliceOfSource("feed");

function startMember(o: Opened, url: string, { port }: NumberedFeed): StartedProcess {
  return startProcess("test/fixtures/source-member.ts", [url, o.backbone.namespace, `${port}`, `${partitions}`]);
}

/** The numbers of a part in the log, in their order. */
async function numbersIn({ client, keys }: Opened, part: number): Promise<readonly number[]> {
  const rows = await client.xrange(keys.stream(part, reports.name), "-", "+");
  return rows.map(([, fields]) => JSON.parse(fields[fields.indexOf("payload") + 1] ?? "{}").n as number);
}

async function positionOf({ client, keys }: Opened, part: number): Promise<number> {
  const json = await client.hget(keys.state(part, slice, positionKey.store), positionKey.key);
  return json === null ? 0 : Number(readPosition(json).position);
}

/** Resolves when the log has so many more things of each part. */
async function goOn(o: Opened, more: number): Promise<void> {
  for (let part = 0; part < partitions; part++) {
    const wanted = (await positionOf(o, part)) + more;
    await eventually(async () => (await positionOf(o, part)) >= wanted);
  }
}

/** The feed falls silent; then the log has all that it has said, once, in its order. */
async function finish(o: Opened, feed: NumberedFeed): Promise<void> {
  feed.fallSilent();
  for (const [part, count] of feed.said.entries()) {
    await eventually(async () => (await positionOf(o, part)) === count, 60_000);
    assert.equal(
      await numbersIn(o, part),
      Array.from({ length: count }, (_, i) => i + 1),
    );
  }
}

/** Whether the process owns a part. */
async function ownsOne({ client, keys }: Opened, member: string): Promise<boolean> {
  for (let part = 0; part < partitions; part++)
    if ((await client.hget(keys.owner(part, slice), "owner"))?.startsWith(`${member}/`) === true) return true;
  return false;
}

const settles = named("evalsha", sliceScripts.settle.sha);

/** Resolves when the process has come to the step. */
const places: Readonly<Record<string, (proxy: TcpProxy) => Promise<unknown>>> = {
  "when it has taken a partition": (proxy) => proxy.swallowReply(named("evalsha", sliceScripts.acquire.sha)),
  "when it reads its position": (proxy) => proxy.swallowReply(named("hmget")),
  "before its append arrives": (proxy) => proxy.cutBefore(settles, 5),
  "between an append and its reply": (proxy) => proxy.swallowReply(settles, 5),
};

for (const [name, until] of Object.entries(places)) {
  test(
    `brings each thing in once when a source's process is killed ${name}`,
    async () => {
      await using o = await open({ partitions });
      await using feed = await startNumberedFeed(partitions);
      for (let round = 0; round < rounds; round++) {
        await using proxy = await startProxy(redisUrl());
        const trapped = until(proxy);
        await using member = startMember(o, proxy.url, feed);
        await trapped;
        member.kill("SIGKILL");
        assert.equal(await member.ended, { code: null, signal: "SIGKILL" });
      }
      await using source = feedSource(o.backbone, feed.port);
      await goOn(o, 50);
      assert.equal(source.owned, [0, 1]);
      await finish(o, feed);
    },
    { timeoutMs: fullOr(120_000, 60_000) },
  );
}

test(
  "fences a source's owner that was stopped for longer than it may be silent and goes on",
  async () => {
    await using o = await open({ partitions });
    await using feed = await startNumberedFeed(partitions);
    await using proxy = await startProxy(redisUrl());
    for (let round = 0; round < rounds; round++) {
      await using member = startMember(o, proxy.url, feed);
      const name = (await member.line("begun ")).split(" ")[1] ?? "";
      await eventually(() => ownsOne(o, name), 20_000);
      await goOn(o, 20);
      // Appends are on their way when it is stopped, and arrive when it goes on.
      proxy.delay("toServer", 200);
      member.kill("SIGSTOP");
      await using source = feedSource(o.backbone, feed.port);
      await eventually(() => source.owned.length === partitions, 20_000);
      await goOn(o, 20);
      proxy.heal();
      member.kill("SIGCONT");
      await member.line("has lost the partition");
      await goOn(o, 20);
      member.end();
      assert.equal(await member.ended, { code: 0, signal: null }, member.lines.slice(-5).join("\n"));
    }
    await using _ = feedSource(o.backbone, feed.port);
    await finish(o, feed);
  },
  { timeoutMs: fullOr(180_000, 90_000) },
);

test(
  "brings each thing in once while connections to the outside and to Redis break, and processes are replaced",
  async () => {
    await using o = await open({ partitions });
    await using feed = await startNumberedFeed(partitions);
    await using proxy = await startProxy(redisUrl());
    let member = startMember(o, proxy.url, feed);
    await goOn(o, 10);
    for (let round = 0; round < 2 * rounds; round++) {
      feed.hangUp();
      await goOn(o, 20);
      await proxy.swallowReply(settles, 3);
      await goOn(o, 20);
      proxy.cut();
      await goOn(o, 20);
      const next = startMember(o, proxy.url, feed);
      await next.line("begun ");
      member.kill("SIGTERM");
      assert.equal(await member.ended, { code: 0, signal: null }, member.lines.slice(-5).join("\n"));
      member = next;
      await goOn(o, 20);
    }
    await finish(o, feed);
    member.kill("SIGTERM");
    assert.equal(await member.ended, { code: 0, signal: null }, member.lines.slice(-5).join("\n"));
  },
  { timeoutMs: fullOr(180_000, 90_000) },
);

test(
  "brings each thing in once when Redis is killed and comes back with its log, and while memory is full",
  async () => {
    await using redis = await startPrivateRedis();
    await using o = await open({ url: redis.url, partitions });
    await using feed = await startNumberedFeed(partitions);
    await using source = feedSource(o.backbone, feed.port);
    await goOn(o, 20);
    for (let round = 0; round < fullOr(10, 2); round++) {
      await redis.kill("SIGKILL");
      await redis.restart();
      await goOn(o, 50);
      await o.client.config("SET", "maxmemory", "1mb");
      await eventually(() => /the store refuses what it appends: .*OOM/.test(source.health.reason ?? ""));
      await o.client.config("SET", "maxmemory", "0");
      await goOn(o, 50);
      await eventually(() => source.health.isReady);
    }
    await finish(o, feed);
  },
  { timeoutMs: fullOr(180_000, 90_000) },
);

test(
  "ends in time although Redis is away, and says so",
  async () => {
    await using redis = await startPrivateRedis();
    const o = await open({ url: redis.url, partitions });
    await using feed = await startNumberedFeed(partitions);
    const source = feedSource(o.backbone, feed.port);
    await goOn(o, 20);
    await redis.kill("SIGKILL");
    await eventually(() => source.health.reason === "Redis does not answer");
    const begun = performance.now();
    await source[Symbol.asyncDispose]();
    assert.ok(performance.now() - begun < 15_000, `it took ${performance.now() - begun} ms`);
    await redis.restart();
    await o[Symbol.asyncDispose]();
  },
  { timeoutMs: 60_000 },
);

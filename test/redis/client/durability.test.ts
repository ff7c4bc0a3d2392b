/** The faults that "acknowledged" survives, by profile; and that a requested durability is checked, not hoped for. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import {
  type BackboneOptions,
  ConfigError,
  connectBackbone,
  type EventRef,
  on,
  PublishError,
} from "../../../src/index.ts";
import { type PrivateRedis, startPrivateRedis } from "../../../src/local-redis/private-server.ts";
import { type Opened, open, type Thing, things } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { freshNamespace } from "../../support/redis.ts";
import { rejects } from "../../support/rejects.ts";
import { isLinked } from "../../support/replication.ts";
import { skip, test } from "../../support/test.ts";

const source = things("source");
const out = things("out");

async function config(redis: PrivateRedis, ...settings: readonly string[]): Promise<void> {
  const client = new Redis(redis.url);
  await client.config("SET", ...(settings as [string, string]));
  client.disconnect();
}

/** Publishes until a publish fails. Gives the acknowledged events. */
function publishOn(o: Opened): { readonly acknowledged: EventRef[]; readonly ended: Promise<void> } {
  const acknowledged: EventRef[] = [];
  const one = async (lane: number): Promise<void> => {
    for (let n = lane; ; n += 20) acknowledged.push(await o.backbone.publish(source, { n }));
  };
  const ended = Promise.allSettled(Array.from({ length: 20 }, (_, lane) => one(lane))).then(() => undefined);
  return { acknowledged, ended };
}

for (const policy of ["everysec", "always", "no"]) {
  test(`loses nothing acknowledged when Redis is killed, with appendfsync ${policy}`, async () => {
    await using redis = await startPrivateRedis();
    await config(redis, "appendfsync", policy);
    const namespace = freshNamespace();
    let acknowledged: readonly EventRef[];
    {
      await using o = await open({ url: redis.url, namespace, publishTimeoutMs: 500 });
      const handled = o.backbone.component("copier", [
        on(source, async ({ payload }: { payload: Thing }, { publish }) => void (await publish(out, payload))),
      ]);
      await o.run(handled);
      const publishing = publishOn(o);
      await eventually(
        async () => publishing.acknowledged.length > 1_000 && (await o.client.xlen(o.stream(out))) > 500,
      );
      await redis.kill("SIGKILL");
      await publishing.ended;
      acknowledged = publishing.acknowledged;
      await redis.restart();
      await handled.whenIdle();
      const outputs = await o.entries(out);
      const numbers = outputs.map(({ payload }) => payload.n);
      assert.is(new Set(numbers).size, numbers.length); // settled once
      const there = new Map((await o.entries(source)).map(({ id, fields }) => [id, fields["id"]]));
      for (const { entryId, id } of acknowledged) assert.is(there.get(entryId), id);
      assert.is(outputs.length, there.size);
    }
  });
}

/** A server and a replica of it that is in step. */
async function startPair(stack: AsyncDisposableStack): Promise<{ primary: PrivateRedis; replica: PrivateRedis }> {
  const [primary, replica] = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
  stack.use(primary);
  stack.use(replica);
  await config(primary, "repl-diskless-sync-delay", "0");
  const client = new Redis(replica.url);
  await client.replicaof("127.0.0.1", primary.port);
  await eventually(() => isLinked(client));
  client.disconnect();
  return { primary, replica };
}

test("acknowledges a publish that the replicas have", async () => {
  await using stack = new AsyncDisposableStack();
  const { primary, replica } = await startPair(stack);
  await using o = await open({ url: primary.url, durability: { replicas: 1, timeoutMs: 2_500 } });
  const component = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, { publish }) => void (await publish(out, payload))),
    ]),
  );
  const published = Promise.all(Array.from({ length: 500 }, (_, n) => o.backbone.publish(source, { n })));
  const refs = await published;
  await primary.kill("SIGSTOP"); // writes that it has not sent yet are lost with it
  const copy = new Redis(replica.url);
  try {
    const ids = new Set((await copy.xrange(o.stream(source), "-", "+")).map(([id]) => id));
    assert.is(ids.size, 500);
    for (const { entryId } of refs) assert.ok(ids.has(entryId));
  } finally {
    copy.disconnect();
    await primary.kill("SIGCONT");
  }
  await component.whenIdle();
  assert.is((await o.entries(out)).length, 500);
});

test("rejects a publish as unknown that too few replicas have in time, and asks on for a settlement", async () => {
  await using stack = new AsyncDisposableStack();
  const { primary, replica } = await startPair(stack);
  await using o = await open({ url: primary.url, durability: { replicas: 1, timeoutMs: 1_000 } });
  const component = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, { publish }) => void (await publish(out, payload))),
    ]),
  );
  await component.whenSettled(await o.backbone.publish(source, { n: 0 }));
  await replica.kill("SIGSTOP");
  const error = await rejects(
    o.backbone.publish(source, { n: 1 }),
    PublishError,
    /0 of 1 replicas had it after 1000 ms/,
  );
  assert.is(error.outcome, "unknown");
  const isAsking = (): boolean => o.log.some(({ text }) => text.includes("not as durable as was asked; asking again"));
  await eventually(isAsking);
  await replica.kill("SIGCONT");
  await component.whenIdle();
  assert.equal(
    (await o.entries(out)).map(({ payload }) => payload.n),
    [0, 1],
  );
  await o.backbone.publish(source, { n: 2 });
});

test("sends a batch again whose reply was lost with the connection, and appends it once", async () => {
  await using stack = new AsyncDisposableStack();
  const { primary, replica } = await startPair(stack);
  await using o = await open({ url: primary.url, durability: { replicas: 1, timeoutMs: 2_000 } });
  await o.backbone.publish(source, { n: 0 });
  await replica.kill("SIGSTOP");
  const publishing = o.backbone.publish(source, { n: 1 });
  await eventually(async () => (await o.entries(source)).length === 2);
  // The connection that wrote is lost while it waits; the next one has written nothing yet.
  await o.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  let isDone = false;
  publishing.then(
    () => (isDone = true),
    () => (isDone = true),
  );
  await eventually(async () => String(await o.client.info("clients")).includes("blocked_clients:1"));
  assert.not(isDone);
  await replica.kill("SIGCONT");
  await publishing;
  assert.equal(
    (await o.entries(source)).map(({ payload }) => payload.n),
    [0, 1],
  );
});

test("refuses a durability that the server cannot confirm", async () => {
  await using redis = await startPrivateRedis();
  const client = new Redis(redis.url);
  const version = /redis_version:(\d+)\.(\d+)/.exec(await client.info("server")) ?? [];
  await client.config("SET", "appendonly", "no");
  client.disconnect();
  const isOld = Number(version[1]) < 7 || (Number(version[1]) === 7 && Number(version[2]) < 2);
  const durability = { fsync: "local", timeoutMs: 1_000 } as const;
  const reason = isOld ? /it needs Redis 7\.2 or newer/ : /appendonly is disabled/;
  await rejects(connectBackbone({ url: redis.url, namespace: freshNamespace(), durability }), ConfigError, reason);
});

test("acknowledges a publish that is synced to the disk, where the server can confirm it", async () => {
  await using redis = await startPrivateRedis();
  const client = new Redis(redis.url);
  const canConfirm = await client.call("WAITAOF", 0, 0, 1).then(
    () => true,
    () => false,
  );
  client.disconnect();
  if (!canConfirm) skip(`${redis.description} has no WAITAOF: it came with Redis 7.2`);
  await using o = await open({ url: redis.url, durability: { fsync: "local", timeoutMs: 3_000 } });
  await Promise.all(Array.from({ length: 300 }, (_, n) => o.backbone.publish(source, { n })));
  await redis.kill("SIGKILL");
  await redis.restart();
  assert.is((await o.entries(source)).length, 300);
});

test("refuses options that ask for nothing, or whose wait would make members seem dead", async () => {
  const refused: readonly [unknown, RegExp][] = [
    ["disk", /it is "server" or an object/],
    [{ timeoutMs: 100 }, /asks for nothing/],
    [{ replicas: 0, timeoutMs: 100 }, /durability.replicas is 0/],
    [{ replicas: 1 }, /durability.timeoutMs is undefined/],
    [{ replicas: 1, timeoutMs: 20_000 }, /durability.timeoutMs is 20000/],
    [{ replicas: 1, timeoutMs: 100, quorum: 2 }, /no option "quorum"/],
  ];
  for (const [durability, message] of refused) {
    const options = { namespace: "n", durability } as BackboneOptions;
    await rejects(connectBackbone(options), ConfigError, message);
  }
  await using o = await open({ durability: { replicas: 1, timeoutMs: 1_000 } });
  const make = (takeoverAfterMs: number) =>
    o.backbone.component("c", [on(source, () => undefined)], { takeoverAfterMs });
  assert.throws(() => make(1_999), /takeoverAfterMs 1999 is below twice/);
  make(2_000);
});

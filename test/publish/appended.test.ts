/** A publish is appended once and in the order of the calls, within its time and the limits, and says clearly when it was not. */

import * as assert from "uvu/assert";
import { PublishError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { scripts } from "../../src/redis/store/scripts.ts";
import { open, things } from "../support/backbone.ts";
import { named, startProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const append = named("evalsha", scripts.append.sha);

test("keeps the order of the calls, also over many batches", async () => {
  await using o = await open();
  const channel = things("things");
  const numbers = Array.from({ length: 3_000 }, (_, n) => n);
  await Promise.all(numbers.map((n) => o.backbone.publish(channel, { n })));
  assert.equal(
    (await o.entries(channel)).map(({ payload }) => payload.n),
    numbers,
  );
});

test("appends once when the reply is lost after the append", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const channel = things("things");
  await o.backbone.publish(channel, { n: 0 });
  const swallowed = proxy.swallowReply(append);
  const ref = await o.backbone.publish(channel, { n: 1 });
  await swallowed;
  const entries = await o.entries(channel);
  assert.equal(
    entries.map(({ payload }) => payload.n),
    [0, 1],
  );
  assert.is(entries[1]?.id, ref.entryId);
});

test("does not say that nothing was appended when the reply is lost and memory is full when it is sent again", async () => {
  await using redis = await startPrivateRedis();
  await using proxy = await startProxy(redis.url);
  await using o = await open({ url: proxy.url, direct: redis.url });
  const channel = things("things");
  await o.backbone.publish(channel, { n: 0 });
  const swallowed = proxy.swallowReply(append);
  const publishing = o.backbone.publish(channel, { n: 1 }).catch((error: unknown) => error);
  await swallowed;
  proxy.refuse();
  await o.client.config("SET", "maxmemory", "1");
  proxy.heal();
  const error = await publishing;
  assert.instance(error, PublishError);
  assert.is((error as PublishError).outcome, "unknown");
  assert.is((await o.entries(channel)).length, 2);
});

test("appends once and in order while replies are lost again and again under load", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const channel = things("things");
  await o.backbone.publish(things("before"), { n: 0 }); // what waits for the namespace's description is one batch
  const refs: Promise<{ entryId: string }>[] = [];
  for (let n = 0; n < 2_000; ) {
    const lost = n % 400 === 0 ? proxy.swallowReply(append, 2) : undefined;
    const cut = n % 400 === 200 ? proxy.cutBefore(append, 2) : undefined;
    for (const end = n + 100; n < end; n++) {
      refs.push(o.backbone.publish(channel, { n }));
      if (n % 25 === 0) await new Promise(setImmediate);
    }
    await Promise.all([lost, cut]);
  }
  const ids = (await Promise.all(refs)).map(({ entryId }) => entryId);
  const entries = await o.entries(channel);
  assert.equal(
    entries.map(({ payload }) => payload.n),
    Array.from({ length: 2_000 }, (_, n) => n),
  );
  assert.equal(
    entries.map(({ id }) => id),
    ids,
  );
});

test("keeps the order when the server has forgotten the scripts", async () => {
  await using o = await open();
  const channel = things("things");
  const published: Promise<unknown>[] = [];
  for (let n = 0; n < 600; n++) {
    published.push(o.backbone.publish(channel, { n }));
    if (n % 50 === 25) o.client.script("FLUSH");
    if (n % 7 === 0) await new Promise(setImmediate);
  }
  await Promise.all(published);
  assert.equal(
    (await o.entries(channel)).map(({ payload }) => payload.n),
    Array.from({ length: 600 }, (_, n) => n),
  );
});

test("rejects an event with outcome unknown that was sent and not answered in time", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl(), publishTimeoutMs: 150 });
  const channel = things("things");
  await o.backbone.publish(channel, { n: 0 });
  proxy.blackHole("toClient");
  const error = await rejects(o.backbone.publish(channel, { n: 1 }), PublishError);
  assert.is(error.outcome, "unknown");
  proxy.heal();
  proxy.cut();
  await o.backbone.publish(channel, { n: 2 });
  assert.equal(
    (await o.entries(channel)).map(({ payload }) => payload.n),
    [0, 1, 2],
  );
});

test("rejects an event with outcome rejected that was never sent, and does not append it later", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl(), publishTimeoutMs: 150 });
  const channel = things("things");
  await o.backbone.publish(channel, { n: 0 });
  proxy.refuse();
  const errors = await Promise.all(
    Array.from({ length: 700 }, (_, n) => rejects(o.backbone.publish(channel, { n: n + 1 }), PublishError)),
  );
  // The first ones may have met the connection before its end was known.
  assert.is(errors.at(-1)?.outcome, "rejected");
  proxy.heal();
  await o.backbone.publish(channel, { n: 1_000 });
  assert.equal(
    (await o.entries(channel)).map(({ payload }) => payload.n),
    [0, 1_000],
  );
});

test("waits for a Redis that is away, within its time", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const channel = things("things");
  proxy.refuse();
  const published = Promise.all([1, 2, 3].map((n) => o.backbone.publish(channel, { n })));
  await new Promise(setImmediate);
  proxy.heal();
  await published;
  assert.equal(
    (await o.entries(channel)).map(({ payload }) => payload.n),
    [1, 2, 3],
  );
});

test("rejects a publish beyond maxPending, and sends nothing of it", async () => {
  await using o = await open({ maxPending: 10 });
  const channel = things("things");
  const results = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => o.backbone.publish(channel, { n })));
  const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  assert.is(refused.length, 2);
  for (const reason of refused) {
    assert.instance(reason, PublishError);
    assert.is(reason.outcome, "rejected");
  }
  assert.is((await o.entries(channel)).length, 10);
  await o.backbone.publish(channel, { n: 12 });
});

test("rejects a publish beyond maxPendingBytes", async () => {
  await using o = await open({ maxPendingBytes: 2_048 });
  const channel = things("things");
  const results = await Promise.allSettled(
    Array.from({ length: 3 }, (_, n) => o.backbone.publish(channel, { n, key: "x".repeat(400) })),
  );
  assert.is(results.filter(({ status }) => status === "fulfilled").length, 2);
});

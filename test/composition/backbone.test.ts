/** A backbone starts where it can work, waits for a Redis that is away, and refuses anything else with one clear error and nothing written. */

import * as assert from "uvu/assert";
import { type BackboneOptions, ConfigError, connectBackbone, on, PublishError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { Keys } from "../../src/redis/keys.ts";
import { type LogLine, memoryLog, type Opened, open, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { named, startProxy } from "../support/proxy.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

/** Everything that is in the namespace. */
async function keysOf({ client, backbone: { namespace } }: Opened): Promise<readonly string[]> {
  return (await Promise.all([client.keys(`{${namespace}:*`), client.keys(`${namespace}:*`)])).flat();
}

test("refuses options that are unknown or out of bounds", async () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ namespace: "Upper" }, /is no namespace/],
    [{ namespace: "" }, /is no namespace/],
    [{ namespace: "a{b" }, /is no namespace/],
    [{ namespace: "a", partitions: 0 }, /partitions is 0/],
    [{ namespace: "a", partitions: 1.5 }, /partitions is 1.5/],
    [{ namespace: "a", publishTimeoutMs: -1 }, /publishTimeoutMs is -1/],
    [{ namespace: "a", maxPending: Number.NaN }, /maxPending is NaN/],
    [{ namespace: "a", colour: "red" }, /no option "colour"/],
    [{ namespace: "a", url: "http://localhost" }, /begins with|expected redis:/],
    [{ namespace: "a", url: "nonsense" }, /cannot be read/],
    [{ namespace: "a", url: "redis://localhost/first" }, /no database number/],
  ];
  for (const [options, message] of wrong) {
    await rejects(connectBackbone({ url: redisUrl(), ...options } as BackboneOptions), ConfigError, message);
  }
});

test("refuses components that cannot work", async () => {
  await using o = await open();
  const one = on(things("things"), () => undefined);
  const wrong: readonly (readonly [() => unknown, RegExp])[] = [
    [() => o.backbone.component("Upper", [one]), /no component name/],
    [() => o.backbone.component("c", []), /subscribes to nothing/],
    [() => o.backbone.component("c", [one, one]), /subscribes to "things" twice/],
    [() => o.backbone.component("c", Array(10_001).fill(one)), /10001 channels: more than 10000 are read too slowly/],
    [() => o.backbone.component("c", [one], { concurrency: 0 }), /concurrency is 0/],
    [
      () => o.backbone.component("c", [one], { concurrency: 50, maxInFlight: 10 }),
      /maxInFlight 10 is below concurrency 50/,
    ],
    [() => o.backbone.component("c", [one], { takeoverAfterMs: 5 }), /takeoverAfterMs is 5/],
    [() => o.backbone.component("c", [one], { from: "end" as never }), /from is "end"/],
    [() => o.backbone.component("c", [one], { retries: 3 } as never), /no option "retries"/],
    [() => on(things("things"), { batch: { maxSize: 0, maxWaitMs: 1 } }, () => undefined), /maxSize is 0/],
    [() => on(things("things"), { batch: { maxSize: 1, maxWaitMs: 1, age: 1 } as never }, () => undefined), /"age"/],
    [() => on(things("things"), { retries: 1 } as never, () => undefined), /no option "retries"/],
    [() => on(things("things"), undefined as never), /needs a handler/],
  ];
  for (const [make, message] of wrong) {
    let thrown: unknown;
    try {
      make();
    } catch (error) {
      thrown = error;
    }
    assert.instance(thrown, ConfigError, String(message));
    assert.match((thrown as Error).message, message);
  }
});

test("refuses a namespace of another format or partition count, and changes nothing in it", async () => {
  await using o = await open();
  for (const [fields, message] of [
    [{ format: "3" }, /has format version 3; this version of Throughline speaks 2/],
    [{ format: "2", partitions: "4" }, /has 4 partitions, not 1/],
  ] as const) {
    const namespace = freshNamespace();
    const meta = new Keys(namespace).meta();
    await o.client.hset(meta, fields);
    await rejects(connectBackbone({ url: redisUrl(), namespace, partitions: 1 }), ConfigError, message);
    assert.equal({ ...(await o.client.hgetall(meta)) }, fields);
  }
});

test("writes nothing by connecting, and the description with the first publish", async () => {
  await using o = await open({ partitions: 4 });
  assert.equal(await keysOf(o), []);
  assert.equal((await o.backbone.status()).channels, []);
  await o.backbone.publish(things("things"), { n: 1 });
  const { format, partitions } = await o.client.hgetall(o.keys.meta());
  assert.equal([format, partitions], ["2", "4"]);
});

test("refuses to use a namespace that another has begun to use with another partition count meanwhile", async () => {
  await using late = await open({ partitions: 4 });
  const channel = things("things");
  await using first = await open({ namespace: late.backbone.namespace });
  await first.backbone.publish(channel, { n: 1 });
  const before = (await keysOf(first)).length;
  const error = await rejects(late.backbone.publish(channel, { n: 2 }), PublishError, /has 1 partitions, not 4/);
  assert.is(error.outcome, "rejected");
  await rejects(late.backbone.component("c", [on(channel, () => undefined)]).run(), ConfigError, /has 1 partitions/);
  assert.is((await keysOf(first)).length, before);
});

test("follows all partitions of a namespace that nothing has used yet", async () => {
  await using o = await open({ partitions: 4 });
  const channel = things("things");
  const stop = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const { envelope } of o.backbone.read(channel, { follow: true, signal: stop.signal })) {
      seen.push((JSON.parse(envelope?.payload ?? "") as Thing).n);
      if (seen.length === 20) stop.abort();
    }
  })();
  await Promise.all(Array.from({ length: 20 }, (_, n) => o.backbone.publish(channel, { n, key: `k${n}` })));
  await following;
  assert.equal(
    seen.toSorted((a, b) => a - b),
    Array.from({ length: 20 }, (_, n) => n),
  );
});

test("refuses a namespace whose description is another's key", async () => {
  await using o = await open();
  const namespace = freshNamespace();
  await o.client.set(new Keys(namespace).meta(), "mine");
  await rejects(connectBackbone({ url: redisUrl(), namespace }), ConfigError, /is a string, not ours/);
  assert.is(await o.client.getdel(new Keys(namespace).meta()), "mine");
});

test("refuses to run a component on a key of a wrong type, and writes nothing but that it was there", async () => {
  await using o = await open();
  const [good, bad] = [things("good"), things("bad")];
  await o.client.set(o.stream(bad), "a string");
  const component = o.backbone.component("c", [on(good, () => undefined), on(bad, () => undefined)]);
  await rejects(component.run(), ConfigError, /bad is a string, not a stream/);
  await rejects(component.ready(), ConfigError);
  assert.equal((await keysOf(o)).toSorted(), [o.keys.beats("c"), o.stream(bad)].toSorted());
});

test("refuses a wrong password at once", async () => {
  const url = new URL(redisUrl());
  url.password = "wrong";
  url.username = "nobody";
  const error = await rejects(connectBackbone({ url: url.href, namespace: "a", log: memoryLog([]) }), ConfigError);
  assert.match(error.message, /refuses the connection: .*WRONGPASS|refuses the connection: .*invalid/);
  assert.not.match(error.message, /wrong$/);
});

test("waits for a Redis that is away, says so once, and goes on when it is there", async () => {
  await using redis = await startPrivateRedis();
  await redis.kill("SIGKILL");
  const lines: LogLine[] = [];
  const connecting = connectBackbone({ url: redis.url, namespace: "a", log: memoryLog(lines) });
  await eventually(() => lines.some(({ text }) => text.startsWith("Redis is away")));
  await redis.restart();
  await using backbone = await connecting;
  await backbone.publish(things("things"), { n: 1 });
  assert.equal(
    lines.map(({ text }) => text),
    [`Redis is away (connect ECONNREFUSED ${new URL(redis.url).host}); retrying`, "Redis is back"],
  );
});

test("gives up waiting when it is told to", async () => {
  await using proxy = await startProxy(redisUrl());
  proxy.refuse();
  const stop = new AbortController();
  const connecting = connectBackbone({ url: proxy.url, namespace: "a", log: memoryLog([]), signal: stop.signal });
  stop.abort(new Error("enough"));
  await rejects(connecting, Error, /enough/);
});

test("opens its namespace over a connection that breaks in the middle of it", async () => {
  await using proxy = await startProxy(redisUrl());
  const namespace = freshNamespace();
  const done = [proxy.cutBefore(named("hello"), 2), proxy.swallowReply(named("hmget", `${namespace}:meta`))];
  await using backbone = await connectBackbone({ url: proxy.url, namespace, log: memoryLog([]) });
  await backbone.publish(things("things"), { n: 1 });
  proxy.cut();
  await Promise.race(done);
});

test("waits until a component's group exists before it calls itself idle", async () => {
  await using o = await open();
  const channel = things("things");
  for (let n = 0; n < 10; n++) await o.backbone.publish(channel, { n });
  const seen: number[] = [];
  const component = o.backbone.component("c", [on(channel, ({ payload }) => void seen.push(payload.n))]);
  const idle = component.whenIdle();
  await o.run(component);
  await idle;
  assert.is(seen.length, 10);
});

test("knows which partition an event was settled in", async () => {
  await using o = await open({ partitions: 4 });
  const channel = things("things");
  const finish = Promise.withResolvers<void>();
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, async ({ payload }) => {
        if (payload.n === 0) await finish.promise;
      }),
    ]),
  );
  // The other partitions are ahead of it.
  const held = await o.backbone.publish(channel, { n: 0, key: "k0" });
  await Promise.all(
    Array.from({ length: 40 }, async (_, n) =>
      component.whenSettled(await o.backbone.publish(channel, { n: n + 1, key: `k${n + 1}` })),
    ).filter((_, n) => n % 7 === 0),
  );
  let isSettled = false;
  const settled = component.whenSettled(held).then((outcome) => {
    isSettled = true;
    return outcome;
  });
  await component.whenSettled(await o.backbone.publish(channel, { n: 100, key: "other" }));
  assert.is(isSettled, false);
  finish.resolve();
  assert.is(await settled, "acked");
});

test("keeps two namespaces of one Redis apart", async () => {
  await using a = await open();
  await using b = await open();
  const channel = things("things");
  await a.backbone.publish(channel, { n: 1 });
  assert.is((await b.entries(channel)).length, 0);
});

/** A component says what can never come, and whose an error is, in place of hanging or ending the process. */

import * as assert from "uvu/assert";
import { type Component, ConfigError, DrainTimeoutError, on, StoreError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

/** A BullMQ worker that is closed while Redis is away leaves a timer of up to 6 s behind, which is not ours to clear. */
async function untilBullGoes(): Promise<void> {
  await eventually(() => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length <= 2);
}

/** Calls `run`, and gives the rejections that nobody had heard of by its end. */
async function unheard(run: () => Promise<void>): Promise<readonly unknown[]> {
  const reasons: unknown[] = [];
  const hear = (reason: unknown): void => void reasons.push(reason);
  process.on("unhandledRejection", hear);
  try {
    await run();
    await new Promise((resolve) => setImmediate(resolve)); // Node tells of them when the microtasks are through
    return reasons;
  } finally {
    process.off("unhandledRejection", hear);
  }
}

test("whenSettled refuses an event of a channel that the component does not consume", async () => {
  await using o = await open();
  const [own, foreign] = [things("own"), things("foreign")];
  const component = await o.run(o.backbone.component("c", [on(own, () => undefined)]));
  const ref = await o.backbone.publish(foreign, { n: 1 });
  await rejects(component.whenSettled(ref), ConfigError, /"c" does not consume "foreign": it will never settle/);
});

test("whenSettled and whenIdle reject where no member of the component runs anywhere", async () => {
  await using o = await open();
  const channel = things("things");
  const ref = await o.backbone.publish(channel, { n: 1 });
  const component = o.backbone.component("c", [on(channel, () => undefined)]);
  await Promise.all([
    rejects(component.whenSettled(ref), ConfigError, /"c" does not run, here or elsewhere: call run\(\)/),
    rejects(component.whenIdle(), ConfigError, /"c" does not run, here or elsewhere/),
  ]);
});

test("whenSettled and whenIdle answer all the same where all is done, and wait for a member that runs elsewhere or begins soon", async () => {
  await using o = await open();
  await using elsewhere = await open({ namespace: o.backbone.namespace });
  const channel = things("things");
  const finish = Promise.withResolvers<void>();
  const handle = (): Promise<void> => finish.promise;
  const there = await elsewhere.run(elsewhere.backbone.component("c", [on(channel, handle)]));
  const here = o.backbone.component("c", [on(channel, handle)]);
  const ref = await o.backbone.publish(channel, { n: 1 });
  const waiting = [here.whenSettled(ref), here.whenIdle()];
  // Longer than it waits before it looks.
  await rejects(
    o.backbone.component("other", [on(channel, handle)]).whenSettled(ref),
    ConfigError,
    /"other" does not run/,
  );
  finish.resolve();
  assert.equal(await Promise.all(waiting), ["acked", undefined]);
  await there.drain();
  assert.equal(await Promise.all([here.whenSettled(ref), here.whenIdle()]), ["acked", undefined]);
  const next = await o.backbone.publish(channel, { n: 2 });
  const settled = here.whenSettled(next);
  await o.run(here);
  assert.is(await settled, "acked");
});

test("whenSettled and whenIdle give up at the caller's signal", async () => {
  await using o = await open();
  const channel = things("things");
  const held = Promise.withResolvers<void>();
  const component = await o.run(o.backbone.component("c", [on(channel, () => held.promise)]));
  const ref = await o.backbone.publish(channel, { n: 1 });
  const signal = AbortSignal.timeout(50);
  await Promise.all([
    rejects(component.whenSettled(ref, signal), DOMException, /timeout/),
    rejects(component.whenIdle(signal), DOMException, /timeout/),
  ]);
  held.resolve();
});

test("running twice is a ConfigError, whatever became of the first run", async () => {
  await using o = await open();
  const component = o.backbone.component("c", [on(things("things"), () => undefined)]);
  await o.run(component);
  await rejects(component.run(), ConfigError, /"c" can be run once, and has been: make another one/);
  await component.drain();
  await rejects(component.run(), ConfigError, /"c" can be run once, and has been/);
});

test("is not ready within a second of losing Redis, and again soon after it is back", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const component = await o.run(o.backbone.component("c", [on(things("things"), () => undefined)]));
  await eventually(() => component.health.isReady);
  await redis.kill("SIGKILL");
  await eventually(() => !component.health.isReady, 1_000);
  assert.equal(o.backbone.health(), [
    { component: "c", isLive: true, isReady: false, reason: "Redis does not answer" },
  ]);
  await redis.restart();
  await eventually(() => component.health.isReady);
});

test("is not ready soon after Redis hangs without a word, long before its partition may be taken", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const component = await o.run(
    o.backbone.component("c", [on(things("things"), () => undefined)], { takeoverAfterMs: 60_000 }),
  );
  await eventually(() => component.health.isReady);
  await redis.kill("SIGSTOP");
  try {
    await eventually(() => component.health.reason === "Redis does not answer", 3_000);
  } finally {
    await redis.kill("SIGCONT");
  }
  await eventually(() => component.health.isReady);
});

/** A backbone whose component has one event in hand, behind a proxy that then refuses all. */
async function losing(drainTimeoutMs: number): Promise<{
  readonly component: Component;
  readonly run: Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const proxy = await startProxy(redisUrl());
  const o = await open({ url: proxy.url, direct: redisUrl() });
  const channel = things("things");
  const [started, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const component = o.backbone.component(
    "c",
    [
      on(channel, async () => {
        started.resolve();
        await finish.promise;
      }),
    ],
    { drainTimeoutMs },
  );
  const run = component.run();
  await o.backbone.publish(channel, { n: 1 });
  await started.promise;
  proxy.refuse();
  finish.resolve();
  return {
    component,
    run,
    close: () => o.backbone.close(),
    [Symbol.asyncDispose]: async () => {
      await o[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await untilBullGoes();
    },
  };
}

test("close() without Redis resolves, and what was left is the error of whoever runs the component, however late he asks", async () => {
  await using one = await losing(200);
  assert.equal(
    await unheard(async () => {
      await one.close();
    }),
    [],
  );
  const error = await rejects(one.run, DrainTimeoutError);
  assert.is(error.pending, 1);
});

test("a drain that somebody asked for by himself is his error, and his alone to hear of", async () => {
  await using one = await losing(200);
  assert.equal(
    await unheard(async () => {
      await rejects(one.component.drain(), DrainTimeoutError);
    }),
    [],
  );
  await one.close();
});

test("a start that fails is not kept from whoever does not listen", async () => {
  await using o = await open();
  const channel = things("bad");
  await o.client.set(o.stream(channel), "a string");
  const heard = await unheard(async () => {
    const component = o.backbone.component("c", [on(channel, () => undefined)]);
    component.run();
    await rejects(component.ready(), ConfigError);
  });
  assert.is(heard.length, 1);
  assert.instance(heard[0], ConfigError);
  await o.client.del(o.stream(channel));
});

test("close() without Redis takes a moment where nothing is in hand, whatever the drain may take", async () => {
  await using redis = await startPrivateRedis();
  const o = await open({ url: redis.url });
  const component = o.backbone.component("c", [on(things("things"), () => undefined)], { drainTimeoutMs: 60_000 });
  const run = component.run();
  await component.ready();
  await redis.kill("SIGKILL");
  const began = performance.now();
  await o.backbone.close();
  assert.ok(performance.now() - began < 5_000, `it took ${performance.now() - began} ms`);
  await run;
  o.client.disconnect();
  await rejects(component.run(), ConfigError);
  await untilBullGoes();
});

test("a name that lives with other channels is refused, and nothing is written; one that adds channels or drops some is not", async () => {
  await using o = await open();
  await using other = await open({ namespace: o.backbone.namespace });
  const [a, b, c] = [things("a"), things("b"), things("c")];
  const nothing = (): void => undefined;
  const first = await o.run(o.backbone.component("name", [on(a, nothing), on(b, nothing)]));
  await eventually(async () => (await o.client.hget(o.keys.meta(), "component:name")) === "a,b");
  const wrong = other.backbone.component("name", [on(b, nothing), on(c, nothing)]);
  const ready = rejects(wrong.ready(), ConfigError);
  const message =
    /"name" runs already, with other channels: it consumes "a", and this one does not, which consumes "c"/;
  await rejects(wrong.run(), ConfigError, message);
  await ready;
  assert.is(await o.client.exists(o.stream(c)), 0);
  // A deploy that adds one, and its rollback.
  const added = await other.run(other.backbone.component("name", [on(a, nothing), on(b, nothing), on(c, nothing)]));
  await eventually(async () => (await o.client.hget(o.keys.meta(), "component:name")) === "a,b,c");
  const back = await o.run(o.backbone.component("name", [on(a, nothing), on(b, nothing)]));
  // All have gone: whatever it is now, it is nobody else's.
  for (const one of [first, added, back]) await one.drain();
  await other.run(other.backbone.component("name", [on(c, nothing)]));
});

test("two components of one name with other channels are refused in one process before either runs", async () => {
  await using o = await open();
  const nothing = (): void => undefined;
  const [a, b] = [things("a"), things("b")];
  const first = o.backbone.component("name", [on(a, nothing)]);
  assert.throws(
    () => o.backbone.component("name", [on(b, nothing)]),
    (error: unknown) => error instanceof ConfigError && /with other channels/.test(error.message),
  );
  o.backbone.component("name", [on(a, nothing), on(b, nothing)]);
  await first.drain();
});

test("a component that waits for its Redis can be drained, and is then as if it had not been run", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const component = o.backbone.component("c", [on(things("things"), () => undefined)], { drainTimeoutMs: 100 });
  proxy.refuse();
  const run = component.run();
  const ready = rejects(component.ready(), StoreError);
  await component.drain();
  await run;
  await ready;
});

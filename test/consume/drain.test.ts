/** A drain stops reading, hands back what was not started, finishes what was, and ends. */

import * as assert from "uvu/assert";
import { type Component, ConfigError, DrainTimeoutError, on, StoreError } from "../../src/index.ts";
import { scripts } from "../../src/redis/store/scripts.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { named, startProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

/** A BullMQ worker that is closed while Redis is away leaves a timer of up to 6 s behind, which is not ours to clear. */
async function untilBullGoes(): Promise<void> {
  // The test's time-out has one, and so has each of the two connections of the backbone, which is open and connects again.
  await eventually(() => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length <= 3, 10_000);
}

test("hands back what conflicts while others write the same state, instead of trying until its time is up", async () => {
  await using o = await open();
  const channel = things("things");
  const started = Promise.withResolvers<void>();
  let attempts = 0;
  let isContended = true;
  const make = (): Component =>
    o.backbone.component(
      "c",
      [
        on(channel, async ({ payload }, { state }) => {
          attempts++;
          const sums = state<number>("sums");
          const sum = (await sums.get("all")) ?? 0;
          // Whatever it has read, another member has written since.
          if (isContended) await o.client.hset(o.keys.state(0, "c", "sums"), "all", `other.${attempts} 0`);
          sums.set("all", sum + payload.n);
          if (attempts > 20) started.resolve();
        }),
      ],
      { drainTimeoutMs: 5_000 },
    );
  const first = await o.run(make());
  const refs = await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(channel, { n })));
  await started.promise;
  const begun = performance.now();
  await first.drain();
  assert.ok(performance.now() - begun < 3_000, `it took ${performance.now() - begun} ms`);
  isContended = false;
  const second = await o.run(make());
  for (const ref of refs) assert.is(await second.whenSettled(ref), "acked");
  assert.is(await o.backbone.view<number>("c", "sums").get("all"), 45);
});

test("finishes what was started and hands back the rest, which others take at once", async () => {
  await using o = await open();
  const [channel, out] = [things("things"), things("out")];
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const make = (hold: boolean): Component =>
    o.backbone.component(
      "c",
      [
        on(channel, async ({ payload }, { publish, attempt }) => {
          await publish(out, { n: payload.n, key: `${attempt}` });
          if (!hold) return;
          started.resolve();
          await finish.promise;
        }),
      ],
      { concurrency: 2, claimAfterMs: 60_000 },
    );
  const [first, second] = [make(true), make(false)];
  for (let n = 0; n < 50; n++) await o.backbone.publish(channel, { n });
  const run = first.run();
  await started.promise;
  const drained = first.drain();
  assert.is(first.drain(), drained);
  await eventually(async () => {
    const [, , , consumers] = await o.client.xpending(o.stream(channel), "c");
    return (consumers as [string, string][]).some(([name, count]) => name === "released" && count === "48");
  });
  finish.resolve();
  await Promise.all([drained, run]);
  assert.is((await o.entries(out)).length, 2);
  await o.run(second);
  await second.whenIdle();
  const outputs = await o.entries(out);
  assert.equal(
    outputs.map(({ payload }) => payload.n).sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, n) => n),
  );
  assert.ok(outputs.every(({ payload }) => payload.key === "1"));
  assert.is(await o.client.zcard(o.keys.members(0, "c")), 1);
});

test("hands back what a batch had gathered", async () => {
  await using o = await open();
  const channel = things("things");
  const waits = o.backbone.component("c", [
    on(channel, { batch: { maxSize: 100, maxWaitMs: 60_000 } }, () => undefined),
  ]);
  await o.run(waits);
  await o.backbone.publish(channel, { n: 1 });
  await eventually(async () => (await o.client.xpending(o.stream(channel), "c"))[0] === 1);
  await waits.drain();
  const seen: number[] = [];
  const takes = await o.run(o.backbone.component("c", [on(channel, ({ payload }) => void seen.push(payload.n))]));
  await takes.whenIdle();
  assert.equal(seen, [1]);
});

test("aborts the handlers' signal after its time, rejects with the number, and leaves the deliveries pending", async () => {
  await using o = await open();
  const channel = things("things");
  const aborted = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const component = o.backbone.component(
    "c",
    [
      on(channel, async (_, { signal }) => {
        started.resolve();
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        aborted.resolve();
        throw new Error("told to stop");
      }),
    ],
    { drainTimeoutMs: 50 },
  );
  const ref = await o.backbone.publish(channel, { n: 1 });
  const run = component.run();
  await started.promise;
  const [error] = await Promise.all([rejects(component.drain(), DrainTimeoutError), rejects(run, DrainTimeoutError)]);
  assert.is(error.pending, 1);
  await aborted.promise;
  assert.is((await o.client.xpending(o.stream(channel), "c"))[0], 1);
  const takes = await o.run(o.backbone.component("c", [on(channel, () => undefined)], { claimAfterMs: 100 }));
  assert.is(await takes.whenSettled(ref), "acked");
});

test("drains on the signal that run was given, also when that aborted before", async () => {
  await using o = await open();
  const channel = things("things");
  const stop = new AbortController();
  const component = o.backbone.component("c", [on(channel, () => undefined)]);
  const run = component.run(stop.signal);
  await component.ready();
  stop.abort();
  await run;
  await o.backbone.component("d", [on(channel, () => undefined)]).run(stop.signal);
  await o.backbone.component("e", [on(channel, () => undefined)]).run(AbortSignal.abort());
});

test("drains while it is joining, and leaves nothing behind that waits", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const channel = things("things");
  const component = o.backbone.component("c", [on(channel, () => undefined)], { drainTimeoutMs: 100 });
  proxy.refuse();
  const run = component.run();
  const ready = component.ready();
  const drained = component.drain();
  await drained;
  await run;
  await rejects(ready, StoreError);
});

test("drains within its time while Redis is away", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const channel = things("things");
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const component = o.backbone.component(
    "c",
    [
      on(channel, async () => {
        started.resolve();
        await finish.promise;
      }),
    ],
    { drainTimeoutMs: 200, concurrency: 1 },
  );
  for (let n = 0; n < 10; n++) await o.backbone.publish(channel, { n });
  const run = component.run();
  await started.promise;
  proxy.refuse();
  finish.resolve();
  const [error] = await Promise.all([rejects(component.drain(), DrainTimeoutError), rejects(run, DrainTimeoutError)]);
  assert.ok(error.pending >= 1);
  await untilBullGoes();
});

test("closes within its time while Redis has fallen silent", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl(), publishTimeoutMs: 200 });
  const channel = things("things", { retry: { backoffMs: 60_000 } });
  const component = o.backbone.component(
    "c",
    [
      on(channel, ({ payload }) => {
        if (payload.n === 1) throw new Error("parked");
      }),
    ],
    { drainTimeoutMs: 200 },
  );
  const run = component.run();
  await component.ready();
  await o.backbone.publish(channel, { n: 1 });
  await component.whenSettled(await o.backbone.publish(channel, { n: 2 }));
  proxy.blackHole();
  const begun = performance.now();
  await Promise.all([o.backbone.close(), run.catch(() => undefined)]); // the parking may be in doubt
  assert.ok(performance.now() - begun < 4_000, `it took ${performance.now() - begun} ms`);
  await untilBullGoes();
});

test("ends no handler twice when a claim arrives during the drain", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const channel = things("things");
  await o.client.xgroup("CREATE", o.stream(channel), "c", "0", "MKSTREAM");
  for (let n = 0; n < 20; n++) await o.backbone.publish(channel, { n });
  await o.client.xreadgroup("GROUP", "c", "gone", "COUNT", 20, "STREAMS", o.stream(channel), ">");
  await o.client.xclaim(o.stream(channel), "c", "released", 0, ...(await o.entries(channel)).map(({ id }) => id));
  const handled: number[] = [];
  let running = 0;
  const make = (): Component =>
    o.backbone.component("c", [
      on(channel, async ({ payload }) => {
        running++;
        await new Promise(setImmediate);
        handled.push(payload.n);
        running--;
      }),
    ]);
  const first = make();
  proxy.delay("toClient", 30);
  const run = first.run();
  await first.ready();
  await first.drain();
  await run;
  assert.is(running, 0);
  proxy.heal();
  const second = await o.run(make());
  await second.whenIdle();
  assert.equal(
    handled.sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, n) => n),
  );
});

test("refuses to run twice, or a component of a closed backbone", async () => {
  await using o = await open();
  const channel = things("things");
  const component = await o.run(o.backbone.component("c", [on(channel, () => undefined)]));
  await rejects(component.run(), ConfigError, /can be run once, and has been/);
  await o.backbone.close();
  await o.backbone.close();
  await rejects(component.run(), ConfigError, /can be run once/);
  assert.throws(
    () => o.backbone.component("d", [on(channel, () => undefined)]),
    (error: unknown) => error instanceof ConfigError,
  );
});

test("disposes a component that never ran", async () => {
  await using o = await open();
  const component = o.backbone.component("c", [on(things("things"), () => undefined)]);
  await component[Symbol.asyncDispose]();
  await component[Symbol.asyncDispose]();
  assert.is(await o.client.exists(o.keys.members(0, "c")), 0);
});

test("settles what a lost reply leaves in doubt before it ends", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const [channel, out] = [things("things"), things("out")];
  const component = o.backbone.component("c", [
    on(channel, async ({ payload }, { publish }) => void (await publish(out, payload))),
  ]);
  const run = component.run();
  await component.ready();
  const swallowed = proxy.swallowReply(named("evalsha", scripts.settle.sha));
  await o.backbone.publish(channel, { n: 1 });
  await swallowed;
  await component.drain();
  await run;
  assert.is((await o.entries(out)).length, 1);
  assert.is((await o.client.xpending(o.stream(channel), "c"))[0], 0);
});

/** A drain stops reading, hands back what was not started, finishes what was, and ends. */

import * as assert from "uvu/assert";
import { type Component, ConfigError, DrainTimeoutError, on, StoreError } from "../../src/index.ts";
import { sliceScripts } from "../../src/redis/slices/scripts.ts";
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

test("finishes what was started and hands over the rest, which others take at once", async () => {
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
      { concurrency: 2, takeoverAfterMs: 60_000 },
    );
  const [first, second] = [make(true), make(false)];
  for (let n = 0; n < 50; n++) await o.backbone.publish(channel, { n });
  const run = first.run();
  await started.promise;
  const drained = first.drain();
  assert.is(first.drain(), drained);
  finish.resolve();
  await Promise.all([drained, run]);
  assert.is((await o.entries(out)).length, 2);
  assert.equal(first.owned, []);
  await o.run(second);
  await second.whenIdle();
  const outputs = await o.entries(out);
  assert.equal(
    outputs.map(({ payload }) => payload.n).sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, n) => n),
  );
  assert.ok(outputs.every(({ payload }) => payload.key === "1"));
});

test("lets go of what a batch had gathered", async () => {
  await using o = await open();
  const [channel, marks] = [things("things"), things("marks")];
  const marked = Promise.withResolvers<void>();
  const waits = o.backbone.component("c", [
    on(channel, { batch: { maxSize: 100, maxWaitMs: 60_000 } }, () => undefined),
    on(marks, () => marked.resolve()),
  ]);
  await o.run(waits);
  await o.backbone.publish(channel, { n: 1 });
  await o.backbone.publish(marks, { n: 1 });
  await marked.promise; // what was appended before it is read by then
  await waits.drain();
  const seen: number[] = [];
  const takes = await o.run(
    o.backbone.component("c", [on(channel, ({ payload }) => void seen.push(payload.n)), on(marks, () => undefined)]),
  );
  await takes.whenIdle();
  assert.equal(seen, [1]);
});

test("aborts the handlers' signal after its time, rejects with the number, and leaves the entries open", async () => {
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
  const takes = await o.run(o.backbone.component("c", [on(channel, () => undefined)], { takeoverAfterMs: 500 }));
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
  for (const key of [o.keys.owner(0, "c"), o.keys.beats("c")]) assert.is(await o.client.exists(key), 0);
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
  const swallowed = proxy.swallowReply(named("evalsha", sliceScripts.settle.sha));
  await o.backbone.publish(channel, { n: 1 });
  await swallowed;
  await component.drain();
  await run;
  assert.is((await o.entries(out)).length, 1);
  const [at] = await o.client.hmget(o.keys.owner(0, "c"), "at:things");
  assert.is(at, (await o.entries(channel))[0]?.id);
});

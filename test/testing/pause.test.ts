/** A paused component starts nothing, keeps what it owns, and goes on where it stood. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { memoryBackbone } from "../../src/testing.ts";
import { things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

const source = things("source", { retry: { maxAttempts: 3, backoffMs: 1_000, maxBackoffMs: 1_000, jitter: 0 } });

test("finishes what runs, starts nothing while it is paused, and goes on in order", async () => {
  await using backbone = memoryBackbone();
  const got: number[] = [];
  const running = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const component = backbone.component(
    "c",
    [
      on(source, async ({ payload: { n } }) => {
        got.push(n);
        if (n !== 1) return;
        running.resolve();
        await release.promise;
      }),
    ],
    { concurrency: 1 },
  );
  component.run();
  const first = await backbone.publish(source, { n: 1, key: "k" });
  const second = await backbone.publish(source, { n: 2, key: "k" });
  await running.promise;
  const paused = component.pause();
  assert.equal(component.health, { component: "c", isLive: true, isReady: true, reason: "paused" });
  release.resolve();
  await paused;
  assert.is(await component.whenSettled(first), "acked");
  await backbone.publish(source, { n: 3, key: "k" });
  await backbone.clock.advance(60_000);
  assert.equal(got, [1]);
  component.resume();
  await component.whenSettled(second);
  await component.whenIdle();
  assert.equal(got, [1, 2, 3]);
  assert.equal(component.health, { component: "c", isLive: true, isReady: true });
});

test("holds batches and retries, and counts no attempt for the pause; a member that comes meanwhile gets its share", async () => {
  await using backbone = memoryBackbone({ partitions: 2 });
  const attempts: string[] = [];
  const batches: number[][] = [];
  const batched = things("batched");
  const subscriptions = [
    on(source, ({ payload: { n } }, { attempt }) => {
      attempts.push(`${n}/${attempt}`);
      if (attempt < 3) throw new Error("again");
    }),
    on(
      batched,
      { batch: { maxSize: 10, maxWaitMs: 500 } },
      (events) => void batches.push(events.map(({ payload }) => payload.n)),
    ),
  ];
  const component = backbone.component("c", subscriptions);
  component.run();
  await component.ready();
  await backbone.publish(source, { n: 1 });
  await backbone.publish(batched, { n: 7 });
  await backbone.clock.advance(100);
  assert.equal(attempts, ["1/1"]);
  await component.pause();
  const ref = await backbone.publish(source, { n: 2 });
  await backbone.clock.advance(30_000);
  assert.equal([attempts, batches], [["1/1"], []]);
  const elsewhere: number[] = [];
  const other = backbone.component("c", [
    on(source, ({ payload: { n } }) => void elsewhere.push(n)),
    on(batched, () => undefined),
  ]);
  other.run();
  await backbone.clock.advance(20_000);
  const shares = [component, other].map((member) => member.owned.length);
  assert.equal(shares, [1, 1]);
  await other.drain();
  await backbone.clock.advance(20_000);
  const before = elsewhere.length;
  component.resume();
  await backbone.clock.advance(5_000);
  await component.whenSettled(ref);
  await component.whenIdle();
  assert.is(elsewhere.length, before);
  for (const n of [1, 2].filter((n) => !elsewhere.includes(n)))
    assert.equal(
      attempts.filter((one) => one.startsWith(`${n}/`)),
      [1, 2, 3].map((attempt) => `${n}/${attempt}`),
    );
});

test("is drained and run while it is paused, and a second pause or resume changes nothing", async () => {
  await using backbone = memoryBackbone();
  const got: number[] = [];
  const component = backbone.component("c", [on(source, ({ payload: { n } }) => void got.push(n))]);
  component.resume();
  await component.pause();
  await component.pause();
  const run = component.run();
  await component.ready();
  await backbone.publish(source, { n: 1 });
  await backbone.clock.advance(10_000);
  assert.equal(got, []);
  const drained = component.drain();
  await backbone.clock.advance(1_000);
  await drained;
  await run;
  const successor = backbone.component("c", [on(source, ({ payload: { n } }) => void got.push(n))]);
  successor.run();
  await backbone.clock.advance(10_000);
  await successor.whenIdle();
  assert.equal(got, [1]);
});

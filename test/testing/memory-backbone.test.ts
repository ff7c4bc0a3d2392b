/** A backbone in memory does what one on a server does, in the time of its test. */

import * as assert from "uvu/assert";
import { DrainTimeoutError, type Event, item, on, PermanentError, PublishError } from "../../src/index.ts";
import { captureSpans, type Fence, type MemoryBackboneOptions, memoryBackbone } from "../../src/testing.ts";
import { things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

test("publishes, handles and settles without time passing: outputs, state and the outcome can be looked at", async () => {
  await using backbone = memoryBackbone();
  const [ins, outs] = [things("ins"), things("outs")];
  const component = backbone.component("c", [
    on(ins, async ({ payload: { n } }, { publish, state }) => {
      const sums = state<number>("sums");
      const sum = ((await sums.get("all")) ?? 0) + n;
      sums.set("all", sum);
      await publish(outs, { n: sum });
    }),
  ]);
  component.run();
  const refs = [];
  for (const n of [1, 2, 3]) refs.push(await backbone.publish(ins, { n }));
  for (const ref of refs) assert.is(await component.whenSettled(ref), "acked");
  await component.whenIdle();
  assert.is(await backbone.view<number>("c", "sums").get("all"), 6);
  assert.is(await backbone.view<number>("c", "sums").get("none"), undefined);
  assert.equal(
    backbone.events(outs).map(({ payload }) => payload),
    ['{"n":1}', '{"n":3}', '{"n":6}'],
  );
  assert.is(backbone.clock.now(), Date.UTC(2026, 0, 1));
});

test("a hopeless event is a dead letter, and one of many attempts, too, once their time has come", async () => {
  await using backbone = memoryBackbone();
  const channel = things("things", { retry: { maxAttempts: 2, backoffMs: 10_000, maxBackoffMs: 10_000 } });
  const component = backbone.component("c", [
    on(channel, ({ payload: { n } }) => {
      throw n === 1 ? new PermanentError("never") : new Error("not now");
    }),
  ]);
  component.run();
  const [first, second] = await backbone.publishAll([item(channel, { n: 1 }), item(channel, { n: 2 })]);
  if (first === undefined || second === undefined) throw new Error("two were published");
  assert.is(await component.whenSettled(first), "deadLettered");
  assert.equal(
    backbone.deadEvents(channel, "c").map(({ id }) => id),
    [first.id],
  );
  await backbone.clock.advance(10_000);
  assert.is(await component.whenSettled(second), "deadLettered");
  await component.whenIdle();
});

test("a batch closes when it is full or its time is over", async () => {
  await using backbone = memoryBackbone();
  const channel = things("things");
  const sizes: number[] = [];
  const batch = { maxSize: 3, maxWaitMs: 500 };
  const component = backbone.component("c", [on(channel, { batch }, (events) => void sizes.push(events.length))]);
  component.run();
  await backbone.publishAll([1, 2, 3, 4].map((n) => item(channel, { n })));
  await backbone.clock.advance(0);
  // The second one grows while the first is handled, and nothing is under way any more.
  assert.equal(sizes, [3, 1]);
  await backbone.publish(channel, { n: 5 });
  await backbone.clock.advance(499);
  assert.equal(sizes, [3, 1]);
  await backbone.clock.advance(1);
  assert.equal(sizes, [3, 1, 1]);
});

test("of two members one stands by, and takes over in order when the other drains", async () => {
  await using backbone = memoryBackbone();
  const channel = things("things", { key: () => "k" });
  const handled: string[] = [];
  const member = (name: string) =>
    backbone.component("c", [
      on(channel, ({ payload: { n } }: Event<{ n: number }>) => void handled.push(`${name}${n}`)),
    ]);
  const [one, other] = [member("a"), member("b")];
  const [running] = [one.run(), other.run()];
  await backbone.clock.advance(1_000);
  for (const n of [1, 2]) await backbone.publish(channel, { n });
  await one.whenIdle();
  const owner = handled[0]?.startsWith("a") ? one : other;
  await owner.drain();
  for (const n of [3, 4]) await backbone.publish(channel, { n });
  await backbone.clock.advance(1_000);
  const stays = owner === one ? other : one;
  await stays.whenIdle();
  const [first, second] = owner === one ? ["a", "b"] : ["b", "a"];
  assert.equal(handled, [`${first}1`, `${first}2`, `${second}3`, `${second}4`]);
  if (owner === one) await running;
});

test("a handler that has a time and does not return has failed, and its tools are closed", async () => {
  await using backbone = memoryBackbone();
  const channel = things("things", { retry: { maxAttempts: 1 } });
  let aborted = false;
  const component = backbone.component("c", [
    on(channel, { handlerTimeoutMs: 2_000 }, (_, { signal }) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => undefined);
    }),
  ]);
  component.run();
  const ref = await backbone.publish(channel, { n: 1 });
  await backbone.clock.advance(1_999);
  assert.is(aborted, false);
  await backbone.clock.advance(1);
  assert.is(await component.whenSettled(ref), "deadLettered");
  assert.is(aborted, true);
});

test("a drain that runs out of time says how much was left", async () => {
  await using backbone = memoryBackbone();
  const channel = things("things");
  const component = backbone.component("c", [on(channel, () => new Promise(() => undefined))], { drainTimeoutMs: 300 });
  const running = component.run().catch((error: unknown) => error);
  await backbone.publish(channel, { n: 1 });
  await backbone.clock.advance(10);
  const drained = component.drain().catch((error: unknown) => error);
  await backbone.clock.advance(300);
  for (const error of [await drained, await running]) {
    assert.instance(error, DrainTimeoutError);
    assert.is((error as DrainTimeoutError).pending, 1);
  }
});

test("a duty runs in one of many at a time, with a fence that grows, and again when it has failed", async () => {
  await using backbone = memoryBackbone();
  const fences: Fence[] = [];
  const running = new Set<string>();
  const begin = (name: string) =>
    backbone.exclusive("poller", async ({ signal, fence }) => {
      fences.push(fence);
      if (fences.length === 1) throw new Error("once");
      running.add(name);
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      running.delete(name);
    });
  const duties = new Map(["a", "b"].map((name) => [name, begin(name)]));
  await backbone.clock.advance(3_000);
  assert.is(running.size, 1);
  const [first = ""] = running;
  const here = (): readonly string[] => [...duties].filter(([, { isHere }]) => isHere).map(([name]) => name);
  assert.equal(here(), [first]);
  await duties.get(first)?.[Symbol.asyncDispose]();
  await backbone.clock.advance(2_000);
  assert.is(running.size, 1);
  assert.is.not([...running][0], first);
  assert.equal(here(), [...running]);
  const [, before, after] = fences;
  assert.ok(before !== undefined && after !== undefined && before.epoch < after.epoch && before.token !== after.token);
});

test("a full channel rejects, an event id is appended once, and keys share their partition", async () => {
  await using backbone = memoryBackbone({ partitions: 4 });
  const capped = things("capped", { retention: { hardCap: 1 }, key: () => "k" });
  await backbone.publish(capped, { n: 1 });
  await rejects(backbone.publish(capped, { n: 2 }), PublishError, /full/);
  const once = things("once", { dedupe: { windowMs: 1_000 }, key: () => "k" });
  const first = await backbone.publish(once, { n: 1 }, { eventId: "e" });
  const again = await backbone.publish(once, { n: 1 }, { eventId: "e" });
  assert.is(again.isRepeat, true);
  assert.is(again.entryId, first.entryId);
  await backbone.clock.advance(1_001);
  assert.is((await backbone.publish(once, { n: 1 }, { eventId: "e" })).isRepeat, false);
  assert.is(backbone.events(once).length, 2);
});

test("options that it does not know, or that cannot work, are refused", () => {
  assert.throws(() => memoryBackbone({ partition: 2 } as MemoryBackboneOptions), /no option "partition"/);
  assert.throws(() => memoryBackbone({ partitions: 0 }), /partitions is 0/);
  const backbone = memoryBackbone();
  assert.throws(() => backbone.component("c", []), /subscribes to nothing/);
  const subscriptions = [on(things("things"), () => undefined)];
  assert.throws(() => backbone.component("c", subscriptions, { takeoverAfterMs: 499 }), /takeoverAfterMs is 499/);
});

test("spans of what it publishes and handles can be captured", async () => {
  using spans = captureSpans();
  await using backbone = memoryBackbone();
  const channel = things("things");
  const component = backbone.component("c", [on(channel, () => undefined)]);
  component.run();
  await component.whenSettled(await backbone.publish(channel, { n: 1 }));
  await component.drain();
  assert.is(spans.one("process things").parentSpanId, spans.one("send things").spanId);
});

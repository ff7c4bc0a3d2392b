/** A handler gets each event, and what it publishes is appended with its settlement or not at all. */

import * as assert from "uvu/assert";
import { z } from "zod";
import {
  type Channel,
  ChannelError,
  defineChannel,
  deriveEventId,
  type Event,
  type EventRef,
  on,
  PayloadError,
  refOf,
} from "../../src/index.ts";
import { open, soon, type Thing, things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

test("hands over the event as it was published", async () => {
  await using o = await open();
  const channel = things("things");
  const cause: EventRef = { id: "c", channel: "x", entryId: "1-0", traceparent: "" };
  const published = await o.backbone.publish(channel, { n: 1, key: "k" }, { time: 5, causedBy: [cause] });
  const { isRepeat, ...ref } = published;
  assert.is(isRepeat, false);
  const seen: Event<Thing>[] = [];
  const component = await o.run(o.backbone.component("reader", [on(channel, (event) => void seen.push(event))]));
  assert.is(await component.whenSettled(ref), "acked");
  assert.equal(seen, [
    { ...ref, payload: { n: 1, key: "k" }, key: "k", time: 5, causes: [{ id: "c", traceparent: "" }] },
  ]);
  await component.whenIdle();
  assert.is((await o.client.xpending(o.stream(channel), "reader"))[0], 0);
});

test("hands each event to every component, and to one member of each", async () => {
  await using o = await open();
  const channel = things("things");
  const seen: Record<string, number[]> = { a: [], b: [] };
  const make = (name: "a" | "b") =>
    o.backbone.component(name, [on(channel, ({ payload }) => void seen[name]?.push(payload.n))]);
  const members = await Promise.all([make("a"), make("a"), make("a"), make("b")].map((one) => o.run(one)));
  const numbers = Array.from({ length: 500 }, (_, n) => n);
  await Promise.all(numbers.map((n) => o.backbone.publish(channel, { n })));
  for (const member of members) await member.whenIdle();
  for (const name of ["a", "b"])
    assert.equal(
      seen[name]?.sort((x, y) => x - y),
      numbers,
    );
});

test("begins a new group at the oldest entry, or after the newest where told", async () => {
  await using o = await open();
  const channel = things("things");
  await o.backbone.publish(channel, { n: 1 });
  const seen: Record<string, number[]> = { old: [], fresh: [] };
  const old = await o.run(
    o.backbone.component("old", [on(channel, ({ payload }) => void seen["old"]?.push(payload.n))]),
  );
  const fresh = await o.run(
    o.backbone.component("fresh", [on(channel, ({ payload }) => void seen["fresh"]?.push(payload.n))], { from: "now" }),
  );
  await o.backbone.publish(channel, { n: 2 });
  await old.whenIdle();
  await fresh.whenIdle();
  assert.equal(seen, { old: [1, 2], fresh: [2] });
});

test("appends the outputs with the acknowledgement, each naming its source", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const ref = await o.backbone.publish(source, { n: 1, key: "k" });
  const returned: EventRef[] = [];
  const component = await o.run(
    o.backbone.component("doubler", [
      on(source, async ({ payload }, { publish }) => {
        returned.push(await publish(out, { n: payload.n * 2 }, { time: 9 }));
        returned.push(await publish(out, { n: payload.n * 3 }, { causedBy: [{ ...ref, id: "other" }] }));
        assert.is(await o.client.exists(o.stream(out)), 0);
      }),
    ]),
  );
  await component.whenSettled(ref);
  const entries = await o.entries(out);
  assert.equal(
    entries.map(({ payload }) => payload.n),
    [2, 3],
  );
  assert.is(entries[0]?.fields["time"], "9");
  assert.equal(
    entries.map(({ fields }) => fields["causes"]?.split(",").map((cause) => cause.split(" ")[0])),
    [[ref.id], [ref.id, "other"]],
  );
  assert.equal(
    entries.map(({ fields }) => fields["id"]),
    [deriveEventId(ref.id, "doubler", 0), deriveEventId(ref.id, "doubler", 1)],
  );
  assert.equal(
    returned.map(({ id, entryId }) => [id, entryId]),
    entries.map(({ fields }) => [fields["id"], ""]),
  );
});

test("appends nothing of an attempt that throws, and the same ids on the next one", async () => {
  await using o = await open();
  const [source, out] = [things("source", { retry: soon }), things("out")];
  const attempts: { attempt: number; id: string; effectId: string }[] = [];
  const component = await o.run(
    o.backbone.component("flaky", [
      on(source, async ({ payload }, { publish, attempt, effectId, state }) => {
        const { id } = await publish(out, { n: payload.n });
        state("kept").set("k", attempt);
        attempts.push({ attempt, id, effectId });
        if (attempt < 3) throw new Error("not yet");
      }),
    ]),
  );
  const ref = await o.backbone.publish(source, { n: 7 });
  assert.is(await component.whenSettled(ref), "acked");
  assert.equal(
    attempts.map(({ attempt }) => attempt),
    [1, 2, 3],
  );
  assert.is(new Set(attempts.map(({ id }) => id)).size, 1);
  assert.is(new Set(attempts.map(({ effectId }) => effectId)).size, 1);
  assert.is.not(attempts[0]?.effectId, attempts[0]?.id);
  assert.equal(
    (await o.entries(out)).map(({ fields }) => fields["id"]),
    [attempts[0]?.id],
  );
  assert.is(await o.backbone.view<number>("flaky", "kept").get("k"), 3);
});

test("refuses an output that its channel does not take; the attempt fails with it", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(
    o.backbone.component("c", [on(source, async (_, { publish }) => void (await publish(out, { n: 0.5 })))]),
  );
  const ref = await o.backbone.publish(source, { n: 1 });
  assert.is(await component.whenSettled(ref), "deadLettered");
  assert.is((await o.dead(source, "c"))[0]?.["dead-code"], "THROUGHLINE_PAYLOAD");
  assert.is(await o.client.exists(o.stream(out)), 0);
});

test("keeps the order of outputs whose schemas answer late, and waits for those that nobody awaits", async () => {
  await using o = await open();
  const source = things("source");
  const second = Promise.withResolvers<void>();
  const slow = defineChannel<Thing>({
    name: "slow",
    schema: z.object({ n: z.number() }).refine(async ({ n }) => {
      if (n === 2) second.resolve();
      else await second.promise.then(() => new Promise(setImmediate)); // it answers after the second
      return true;
    }) as never,
  });
  const component = await o.run(
    o.backbone.component("c", [
      on(source, (_, { publish }) => {
        publish(slow, { n: 1 });
        publish(slow, { n: 2 });
      }),
    ]),
  );
  const ref = await o.backbone.publish(source, { n: 1 });
  await component.whenSettled(ref);
  const entries = await o.entries(slow);
  assert.equal(Object.fromEntries(entries.map(({ payload, fields }) => [payload.n, fields["id"]])), {
    1: deriveEventId(ref.id, "c", 0),
    2: deriveEventId(ref.id, "c", 1),
  });
});

test("refuses an output after the handler has returned", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const late = Promise.withResolvers<() => Promise<EventRef>>();
  const component = await o.run(
    o.backbone.component("c", [on(source, (_, { publish }) => late.resolve(() => publish(out, { n: 1 })))]),
  );
  const ref = await o.backbone.publish(source, { n: 1 });
  await component.whenSettled(ref);
  await rejects((await late.promise)(), ChannelError, /after its handler had returned/);
});

test("runs events of one key in order and one at a time, others at once up to the concurrency", async () => {
  await using o = await open();
  const [first, second] = [things("first"), things("second")];
  const running = new Map<string, number>();
  let most = 0;
  const order = new Map<string, number[]>();
  const handle = async ({ payload, key }: Event<Thing>): Promise<void> => {
    running.set(key, (running.get(key) ?? 0) + 1);
    assert.is(running.get(key), 1, `two at once of key ${key}`);
    most = Math.max(
      most,
      [...running.values()].reduce((sum, count) => sum + count, 0),
    );
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    order.set(key, [...(order.get(key) ?? []), payload.n]);
    running.set(key, 0);
  };
  const channels: Channel<Thing>[] = [first, second];
  await Promise.all(
    Array.from({ length: 400 }, (_, n) =>
      o.backbone.publish(channels[n % 2] as Channel<Thing>, { n, key: `k${(n % 40) >> 1}` }),
    ),
  );
  const component = await o.run(o.backbone.component("c", [on(first, handle), on(second, handle)], { concurrency: 5 }));
  await component.whenIdle();
  assert.is(most, 5);
  assert.equal((await o.dead(first, "c")).concat(await o.dead(second, "c")), []);
  for (const [key, numbers] of order) {
    for (const parity of [0, 1]) {
      const own = numbers.filter((n) => n % 2 === parity);
      assert.equal(
        own,
        [...own].sort((a, b) => a - b),
        `order of ${key}`,
      );
    }
  }
});

test("keeps references usable as causes later", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(
    o.backbone.component("c", [
      on(source, async (event, { state, publish }) => {
        const kept = state<EventRef>("refs");
        const first = await kept.get("first");
        if (first === undefined) kept.set("first", refOf(event));
        else await publish(out, { n: 1 }, { causedBy: [first] });
      }),
    ]),
  );
  const first = await o.backbone.publish(source, { n: 1, key: "k" });
  const second = await o.backbone.publish(source, { n: 2, key: "k" });
  await component.whenSettled(second);
  const [entry] = await o.entries(out);
  assert.equal(
    entry?.fields["causes"]?.split(",").map((cause) => cause.split(" ")[0]),
    [second.id, first.id],
  );
});

test("takes part in the settlement also where the handler catches a refused output", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(
    o.backbone.component("c", [
      on(source, async (_, { publish }) => {
        await rejects(publish(out, { n: 0.5 }), PayloadError);
        await publish(out, { n: 1 });
      }),
    ]),
  );
  assert.is(await component.whenSettled(await o.backbone.publish(source, { n: 1 })), "acked");
  assert.is((await o.entries(out)).length, 1);
});

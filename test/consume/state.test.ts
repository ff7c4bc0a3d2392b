/** A component's state commits with the settlement, and no update is lost between members. */

import * as assert from "uvu/assert";
import { ChannelError, type Component, on } from "../../src/index.ts";
import { open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

test("shows a handler its own writes, and the next one what was settled", async () => {
  await using o = await open();
  const channel = things("things");
  const seen: unknown[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, async ({ payload }, { state }) => {
        const numbers = state<{ n: number }>("numbers");
        seen.push(await numbers.get("last"));
        numbers.set("last", { n: payload.n });
        seen.push(await numbers.get("last"));
        if (payload.n === 2) {
          numbers.delete("last");
          seen.push(await numbers.get("last"));
        }
      }),
    ]),
  );
  for (const n of [1, 2, 3]) await o.backbone.publish(channel, { n, key: "k" });
  await component.whenIdle();
  assert.equal(seen, [undefined, { n: 1 }, { n: 1 }, { n: 2 }, undefined, undefined, { n: 3 }]);
  assert.equal(await o.backbone.view<{ n: number }>("c", "numbers").get("last"), { n: 3 });
});

test("keeps state over members, keys and stores apart", async () => {
  await using o = await open();
  const channel = things("things");
  const make = () =>
    o.backbone.component("c", [
      on(channel, async ({ payload }, { state }) => {
        state<number>("a").set("k", ((await state<number>("a").get("k")) ?? 0) + payload.n);
        state<number>("b").set("k", payload.n);
      }),
    ]);
  const first = await o.run(make());
  await o.backbone.publish(channel, { n: 1 });
  await first.whenIdle();
  await first.drain();
  const second = await o.run(make());
  await o.backbone.publish(channel, { n: 10 });
  await second.whenIdle();
  assert.is(await o.backbone.view("c", "a").get("k"), 11);
  assert.is(await o.backbone.view("c", "b").get("k"), 10);
});

test("refuses a store's name that no key can hold, and values that are no JSON", async () => {
  await using o = await open();
  const channel = things("things");
  const found = Promise.withResolvers<void>();
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, (_, { state }) => {
        try {
          assert.throws(
            () => state("A:b"),
            (error: unknown) => error instanceof ChannelError,
          );
          assert.throws(() => state("a").set("k", undefined), /no JSON form/);
          found.resolve();
        } catch (error) {
          found.reject(error);
        }
      }),
    ]),
  );
  await component.whenSettled(await o.backbone.publish(channel, { n: 1 }));
  await found.promise;
});

test("runs a handler again whose state was changed by another handler", async () => {
  await using o = await open();
  const channel = things("things");
  const runs: string[] = [];
  const other = Promise.withResolvers<void>();
  const component: Component = await o.run(
    o.backbone.component("c", [
      on(channel, async ({ payload, key }, { state, attempt }) => {
        const counts = state<number>("counts");
        const before = (await counts.get("k")) ?? 0;
        runs.push(`${key} ${before}`);
        assert.is(attempt, 1);
        if (key === "slow" && runs.length === 1) await other.promise;
        counts.set("k", before + payload.n);
      }),
    ]),
  );
  const slow = await o.backbone.publish(channel, { n: 1, key: "slow" });
  await eventually(() => runs.length === 1);
  await component.whenSettled(await o.backbone.publish(channel, { n: 100, key: "fast" }));
  other.resolve();
  await component.whenSettled(slow);
  assert.equal(runs, ["slow 0", "fast 0", "slow 100"]);
  assert.is(await o.backbone.view("c", "counts").get("k"), 101);
});

test(
  "loses no update when three members change the same keys at once",
  async () => {
    await using o = await open();
    const [channel, out] = [things("things"), things("out")];
    const make = () =>
      o.backbone.component("c", [
        on(channel, async ({ payload }, { state, publish }) => {
          const counts = state<number>("counts");
          const [a, b] = [`k${payload.n % 3}`, `k${payload.n % 4}`];
          const before = (await counts.get(a)) ?? 0;
          if (payload.n % 5 === 0) await new Promise(setImmediate);
          counts.set(a, before + 1);
          counts.set(b, ((await counts.get(b)) ?? 0) + 1);
          await publish(out, payload);
        }),
      ]);
    const members = await Promise.all([make(), make(), make()].map((one) => o.run(one)));
    const total = 1_500;
    await Promise.all(Array.from({ length: total }, (_, n) => o.backbone.publish(channel, { n, key: `${n % 50}` })));
    for (const member of members) await member.whenIdle();
    const counts = await Promise.all(
      ["k0", "k1", "k2", "k3"].map((key) => o.backbone.view<number>("c", "counts").get(key)),
    );
    assert.is(
      counts.reduce<number>((sum, count) => sum + (count ?? 0), 0),
      2 * total,
    );
    const outputs = (await o.entries(out)).map(({ payload }) => payload.n);
    assert.is(outputs.length, total);
    assert.is(new Set(outputs).size, total);
  },
  { timeoutMs: 40_000 },
);

test("keeps the order of a key when its handler has to run again", async () => {
  await using o = await open();
  const [channel, out] = [things("things"), things("out")];
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(channel, async ({ payload, key }, { state, publish }) => {
          const counts = state<number>("counts");
          const before = (await counts.get("shared")) ?? 0;
          if (payload.n % 3 === 0) await new Promise(setImmediate);
          counts.set("shared", before + 1);
          await publish(out, { n: payload.n, key });
        }),
      ],
      { concurrency: 8 },
    ),
  );
  await Promise.all(Array.from({ length: 800 }, (_, n) => o.backbone.publish(channel, { n, key: `k${n % 7}` })));
  await component.whenIdle();
  assert.is(await o.backbone.view("c", "counts").get("shared"), 800);
  const byKey = Map.groupBy(await o.entries(out), ({ fields }) => fields["key"]);
  for (const [key, entries] of byKey) {
    const numbers = entries.map(({ payload }) => payload.n);
    assert.equal(
      numbers,
      [...numbers].sort((a, b) => a - b),
      `order of ${key}`,
    );
  }
});

test("keeps what was read consistent when a retry follows", async () => {
  await using o = await open();
  const channel = things("things", { retry: soon });
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, async (_, { state, attempt }) => {
        const counts = state<number>("counts");
        counts.set("k", ((await counts.get("k")) ?? 0) + 1);
        if (attempt === 1) throw new Error("once");
      }),
    ]),
  );
  await Promise.all(Array.from({ length: 20 }, (_, n) => o.backbone.publish(channel, { n })));
  await component.whenIdle();
  assert.is(await o.backbone.view("c", "counts").get("k"), 20);
});

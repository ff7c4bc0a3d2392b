/** The settlement log tells which handler calls a component settled, and in which order. */

import * as assert from "uvu/assert";
import { on, PermanentError, type RecordedSettlement, type SettledCall } from "../../src/index.ts";
import { type Opened, open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

const [left, right, out] = [things("left", { retry: soon }), things("right"), things("out")];

async function settlements(o: Opened, component = "c"): Promise<RecordedSettlement[]> {
  const found: RecordedSettlement[] = [];
  for await (const settlement of o.backbone.readSettlements(component)) found.push(settlement);
  return found;
}

async function calls(o: Opened): Promise<SettledCall[]> {
  return (await settlements(o)).flatMap((settlement) => settlement.calls);
}

test("names single deliveries of several channels in the order in which their state was written", async () => {
  await using o = await open();
  for (let n = 0; n < 40; n++) await o.backbone.publish(n % 3 === 0 ? right : left, { n });
  const order: string[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(left, async ({ channel, entryId }, { state }) => {
        const seen = state<string[]>("seen");
        seen.set("all", [...((await seen.get("all")) ?? []), `${channel}/${entryId}`]);
      }),
      on(right, async ({ channel, entryId }, { state, publish }) => {
        const seen = state<string[]>("seen");
        seen.set("all", [...((await seen.get("all")) ?? []), `${channel}/${entryId}`]);
        await publish(out, { n: 0 });
      }),
    ]),
  );
  await component.whenIdle();
  order.push(...((await o.backbone.view<string[]>("c", "seen").get("all")) ?? []));
  const named = (await calls(o)).map(({ channel, entryIds }) => `${channel}/${entryIds.join(",")}`);
  assert.is(named.length, 40);
  assert.equal(named, order);
});

test("names a batch as one call, in the order in which its handler had it", async () => {
  await using o = await open();
  for (let n = 0; n < 25; n++) await o.backbone.publish(left, { n });
  const batches: string[][] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(left, { batch: { maxSize: 10, maxWaitMs: 20 } }, (events) => {
        batches.push(events.map(({ entryId }) => entryId));
      }),
    ]),
  );
  await component.whenIdle();
  assert.equal(
    (await calls(o)).map(({ entryIds }) => entryIds),
    batches,
  );
});

test("names a dead-lettered entry as dead-lettered, and a retried entry once", async () => {
  await using o = await open();
  const refs = await Promise.all([0, 1, 2].map((n) => o.backbone.publish(left, { n })));
  const component = await o.run(
    o.backbone.component("c", [
      on(left, ({ payload: { n } }, { attempt }) => {
        if (n === 1) throw new PermanentError("no");
        if (n === 2 && attempt === 1) throw new Error("once");
      }),
    ]),
  );
  await component.whenIdle();
  const found = (await calls(o)).map(({ channel, entryIds, outcome }) => `${channel}/${entryIds} ${outcome}`);
  const named = (n: number, outcome: string): string => `left/${refs[n]?.entryId} ${outcome}`;
  assert.equal(found.toSorted(), [named(0, "acked"), named(1, "deadLettered"), named(2, "acked")].toSorted());
  assert.is(found.at(-1), named(2, "acked"));
});

test("leaves out fenced settlements", async () => {
  await using o = await open();
  const refs = await Promise.all([0, 1, 2].map((n) => o.backbone.publish(left, { n })));
  const go = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  let running = 0;
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(left, async () => {
          if (++running === 3) started.resolve();
          await go.promise;
        }),
      ],
      { takeoverAfterMs: 60_000 },
    ),
  );
  await started.promise;
  const row = o.keys.owner(0, "c");
  await o.client.hincrby(row, "epoch", 1);
  await o.client.hset(row, "owner", "another/token");
  go.resolve();
  await eventually(() => o.log.some(({ text }) => text === "has lost the partition"));
  assert.equal(await calls(o), []);
  await o.client.hset(row, "owner", ""); // the other one has handed it over
  await component.whenIdle();
  assert.is(running, 6);
  const found = (await calls(o)).flatMap(({ entryIds }) => entryIds);
  assert.equal(found.toSorted(), refs.map(({ entryId }) => entryId).toSorted());
});

test("is not kept for a component without a settlement log", async () => {
  await using o = await open();
  await o.backbone.publish(left, { n: 0 });
  const component = await o.run(
    o.backbone.component("c", [on(left, async (_, { publish }) => void (await publish(out, { n: 1 })))], {
      settlementLog: false,
    }),
  );
  await component.whenIdle();
  assert.equal(await settlements(o), []);
  assert.is(await o.client.exists(o.keys.settled(0, "c")), 0);
});

test("keeps entries pending while its key has another type, and reports that", async () => {
  await using o = await open();
  await o.client.set(o.keys.settled(0, "c"), "not a stream");
  await o.backbone.publish(left, { n: 0 });
  await o.backbone.publish(right, { n: 1 });
  const component = await o.run(
    o.backbone.component("c", [
      on(left, () => undefined),
      on(right, async (_, { publish }) => void (await publish(out, { n: 1 }))),
    ]),
  );
  await eventually(
    () =>
      o.log.filter(({ level, fields }) => level === "error" && String(fields["reason"]).includes(":settled:c"))
        .length >= 2,
  );
  await eventually(async () => (await o.client.xpending(o.stream(left), "c"))[0] === 1); // long under way
  assert.is(await o.client.xlen(o.stream(out)), 0);
  await o.client.del(o.keys.settled(0, "c"));
  await component.whenIdle();
  assert.is((await calls(o)).length, 2);
  assert.is(await o.client.xlen(o.stream(out)), 1);
});

test("is trimmed with the entries that it names", async () => {
  await using o = await open({ maintenanceEveryMs: 100 });
  const kept = things("kept", { retention: { maxEntries: 10 } });
  const component = await o.run(o.backbone.component("c", [on(kept, () => undefined)]));
  for (let round = 0; round < 30; round++) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => o.backbone.publish(kept, { n })));
    await component.whenIdle();
  }
  const before = (await settlements(o))[0]?.entryId ?? "";
  await eventually(async () => (await o.client.xlen(o.stream(kept))) <= 110);
  await eventually(async () => ((await settlements(o))[0]?.entryId ?? "") !== before);
  const oldest = Number.parseInt((await o.client.xrange(o.stream(kept), "-", "+", "COUNT", 1))[0]?.[0] ?? "", 10);
  const newest = (await settlements(o)).at(-1)?.entryId ?? "";
  assert.ok(Number.parseInt(newest, 10) >= oldest);
});

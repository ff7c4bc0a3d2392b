/** A channel at its hard cap refuses publishes without writing anything, or evicts with an alarm and a count. */

import * as assert from "uvu/assert";
import { item, on, PublishError } from "../../src/index.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const numbers = async (entries: Promise<readonly { payload: { n: number } }[]>): Promise<readonly number[]> =>
  (await entries).map(({ payload }) => payload.n);

test("refuses a publish to a full channel, and takes the next one when there is room", async () => {
  await using o = await open();
  const small = things("small", { retention: { hardCap: 3, maxEntries: 3 } });
  for (let n = 0; n < 3; n++) await o.backbone.publish(small, { n });
  const error = await rejects(
    o.backbone.publish(small, { n: 3 }),
    PublishError,
    /is full: it has reached its hard cap/,
  );
  assert.is(error.outcome, "rejected");
  assert.equal(await numbers(o.entries(small)), [0, 1, 2]);
  await o.client.xtrim(o.stream(small), "MAXLEN", 2);
  await o.backbone.publish(small, { n: 4 });
  assert.equal(await numbers(o.entries(small)), [1, 2, 4]);
});

test("refuses the events of a batch that do not fit, and no others", async () => {
  await using o = await open();
  const small = things("small", { retention: { hardCap: 5 } });
  const wide = things("wide");
  const published = Array.from({ length: 10 }, (_, n) => [
    o.backbone.publish(small, { n }).then(() => n),
    o.backbone.publish(wide, { n }),
  ]).flat();
  const outcomes = await Promise.allSettled(published);
  assert.is(outcomes.filter(({ status }) => status === "rejected").length, 5);
  assert.equal(await numbers(o.entries(small)), [0, 1, 2, 3, 4]);
  assert.is((await o.entries(wide)).length, 10);
});

test("takes all of a publishAll or none of it", async () => {
  await using o = await open();
  const small = things("small", { retention: { hardCap: 5 } });
  const wide = things("wide");
  const items = (count: number) =>
    Array.from({ length: count }, (_, n) => [item(small, { n }), item(wide, { n })]).flat();
  const error = await rejects(o.backbone.publishAll(items(6)), PublishError, /5 more entries fit .*, not 6/);
  assert.is(error.outcome, "rejected");
  assert.is(await o.client.exists(o.stream(small), o.stream(wide)), 0);
  await o.backbone.publishAll(items(5));
  assert.is((await o.entries(small)).length, 5);
});

test("answers a repeated event id with the first entry, full or not", async () => {
  await using o = await open();
  const small = things("small", { retention: { hardCap: 2 }, dedupe: { windowMs: 60_000 } });
  const first = await o.backbone.publish(small, { n: 0 }, { eventId: "zero" });
  await o.backbone.publish(small, { n: 1 });
  assert.is((await o.backbone.publish(small, { n: 0 }, { eventId: "zero" })).entryId, first.entryId);
  const [again] = await o.backbone.publishAll([item(small, { n: 0 }, { eventId: "zero" })]);
  assert.is(again?.entryId, first.entryId);
});

test("keeps a settlement waiting while its outputs do not fit, and settles it once when they do", async () => {
  await using o = await open();
  const source = things("source");
  const small = things("small", { retention: { hardCap: 3, maxEntries: 3 } });
  const component = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, { publish, state }) => {
        const counts = state<number>("counts");
        counts.set("all", ((await counts.get("all")) ?? 0) + 1);
        await publish(small, payload);
        await publish(small, payload);
      }),
    ]),
  );
  await Promise.all([0, 1].map((n) => o.backbone.publish(source, { n })));
  await eventually(() =>
    o.log.some(({ level, fields }) => level === "error" && /is full/.test(String(fields["reason"]))),
  );
  assert.equal(await numbers(o.entries(small)), [0, 0]);
  await eventually(async () => (await o.client.xpending(o.stream(source), "copier"))[0] === 1); // long under way
  await o.client.xtrim(o.stream(small), "MAXLEN", 0);
  await component.whenIdle();
  assert.equal(await numbers(o.entries(small)), [1, 1]);
  assert.is(await o.backbone.view<number>("copier", "counts").get("all"), 2);
});

test("evicts the oldest, and says so only where a component had not finished them", async () => {
  await using o = await open();
  const ring = things("ring", { retention: { hardCap: 4, maxEntries: 4, onFull: "evict" } });
  for (let n = 0; n < 6; n++) await o.backbone.publish(ring, { n });
  assert.equal(await numbers(o.entries(ring)), [2, 3, 4, 5]);
  assert.equal(
    o.log.filter(({ level }) => level === "error"),
    [],
  );

  await o.client.xgroup("CREATE", o.stream(ring), "slow", "0");
  await o.client.xreadgroup("GROUP", "slow", "m", "COUNT", 1, "STREAMS", o.stream(ring), ">");
  await Promise.all([6, 7, 8].map((n) => o.backbone.publish(ring, { n })));
  assert.equal(await numbers(o.entries(ring)), [5, 6, 7, 8]);
  const alarms = o.log.filter(({ text }) => text.includes("evicted"));
  assert.equal(
    alarms.map(({ level, fields }) => [level, fields["channel"], fields["removed"], fields["unfinished"]]),
    [["error", "ring", 3, 3]],
  );
});

test("counts what it evicts by the rows of the components, each entry once", async () => {
  await using o = await open();
  const ring = things("ring", { retention: { hardCap: 10, maxEntries: 10, onFull: "evict" } });
  const refs = await o.backbone.publishAll(Array.from({ length: 10 }, (_, n) => item(ring, { n })));
  const id = (place: number): string => refs[place]?.entryId ?? "";
  for (const [component, at, open] of [
    ["one", id(9), id(1)],
    ["two", id(3), ""],
  ] as const) {
    await o.client.xgroup("CREATE", o.stream(ring), component, "0"); // behind its row: nobody goes by it
    await o.client.hset(o.keys.owner(0, component), "epoch", 1, "owner", "", "at:ring", at, "open:ring", open);
  }
  await o.client.zadd(o.keys.parked(0, "ring", "one"), 1, id(2));
  await o.backbone.publishAll(Array.from({ length: 6 }, (_, n) => item(ring, { n: 10 + n })));
  const alarms = o.log.filter(({ text }) => text.includes("evicted"));
  assert.equal(
    alarms.map(({ fields }) => [fields["removed"], fields["unfinished"]]),
    [[6, 4]], // open, parked, and the two after the position of the other
  );
});

test("evicts for the outputs of a settlement, too, and counts the entries that a component has lost", async () => {
  await using o = await open();
  const source = things("source");
  const ring = things("ring", { retention: { hardCap: 10, maxEntries: 10, onFull: "evict" } });
  await o.client.xgroup("CREATE", o.stream(ring), "sink", "0", "MKSTREAM");
  const copier = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, { publish }) => {
        await publish(ring, payload);
      }),
    ]),
  );
  const first = o.backbone.component("sink", [on(ring, () => undefined)]);
  await o.run(first);
  await first.drain(); // it stood at the beginning
  await Promise.all(Array.from({ length: 25 }, (_, n) => o.backbone.publish(source, { n })));
  await copier.whenIdle();
  assert.is((await o.entries(ring)).length, 10);
  assert.is(
    o.log
      .filter(({ text }) => text.includes("evicted"))
      .reduce((sum, { fields }) => sum + Number(fields["unfinished"]), 0),
    15,
  );
  const seen: number[] = [];
  const sink = await o.run(o.backbone.component("sink", [on(ring, ({ payload }) => void seen.push(payload.n))]));
  await sink.whenIdle();
  assert.is(seen.length, 10);
  const lost = await eventually(() => o.log.find(({ text }) => text.includes("they are lost")));
  assert.equal([lost.fields["channel"], lost.fields["count"]], ["ring", 15]);
});

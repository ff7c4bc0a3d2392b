/** Old and new code on one log: older entries are upcast, newer ones wait for code that knows them, and nothing is a dead letter for its age. */

import * as assert from "uvu/assert";
import { z } from "zod";
import { type Channel, defineChannel, type Event, on, type RetryPolicy } from "../../src/index.ts";
import { memoryBackbone } from "../../src/testing.ts";
import { type LogLine, memoryLog, open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

interface Old {
  readonly id: string;
}
interface New extends Old {
  readonly size: number;
}
const quick: RetryPolicy = { maxAttempts: 1, backoffMs: 50, maxBackoffMs: 50 };
const sized = (order: Old): New => ({ ...order, size: 1 });
const key = ({ id }: Old): string => id;
const oldOrders = (retry = quick): Channel<Old> =>
  defineChannel({ name: "orders", schema: z.strictObject({ id: z.string() }), key, retry });
const newOrders = (retry = quick, upcast: (order: Old) => unknown = sized): Channel<New> =>
  defineChannel({
    name: "orders",
    schema: z.strictObject({ id: z.string(), size: z.number() }),
    version: 2,
    upcast: { 1: upcast },
    key,
    retry,
  });
const all = async <T>(given: AsyncIterable<T>): Promise<readonly T[]> => {
  const list: T[] = [];
  for await (const one of given) list.push(one);
  return list;
};
const seen: <P>(list: P[]) => (event: Event<P>) => void = (list) => (event) => void list.push(event.payload);

test("older entries arrive as today's payloads, and the version is on the wire where it is above 1", async () => {
  await using o = await open();
  await o.backbone.publish(oldOrders(), { id: "a" });
  await o.backbone.publish(newOrders(), { id: "b", size: 7 });
  const entries = await o.entries(newOrders());
  assert.equal(
    entries.map(({ fields }) => fields["version"]),
    ["", "2"],
  );
  const got: New[] = [];
  const component = await o.run(o.backbone.component("c", [on(newOrders(), seen(got))]));
  await component.whenIdle();
  const both = [
    { id: "a", size: 1 },
    { id: "b", size: 7 },
  ];
  assert.equal(got, both);
  const read = await all(o.backbone.read(newOrders()));
  assert.equal(
    read.map(({ payload }) => payload),
    both,
  );
  const [first, second] = await all(o.backbone.read(oldOrders()));
  assert.equal(first?.payload, { id: "a" });
  assert.match(second?.problem ?? "", /has version 2, and this code knows the channel up to 1/);
});

test("what the upcaster does not manage is a dead letter that names both versions, and a redrive keeps the version", async () => {
  await using o = await open();
  const failing = newOrders(quick, () => {
    throw new Error("no idea of its size");
  });
  const ref = await o.backbone.publish(oldOrders(), { id: "a" });
  const newer = await o.backbone.publish(newOrders(), { id: "b", size: 7 });
  const got: New[] = [];
  const first = await o.run(
    o.backbone.component("c", [
      on(failing, () => {
        throw new Error("not today");
      }),
    ]),
  );
  assert.is(await first.whenSettled(ref), "deadLettered");
  assert.is(await first.whenSettled(newer), "deadLettered");
  const [letter, other] = await o.dead(newOrders(), "c");
  assert.match(letter?.["dead-error"] ?? "", /the payload of version 1, upcast to 2: .*threw: no idea of its size/);
  assert.is(other?.["version"], "2");
  await first.drain();
  await o.backbone.deadLetters({ component: "c" }).redrive({});
  const second = await o.run(o.backbone.component("c", [on(newOrders(), seen(got))]));
  await second.whenIdle();
  assert.equal(
    got.sort((a, b) => a.id.localeCompare(b.id)),
    [
      { id: "a", size: 1 },
      { id: "b", size: 7 },
    ],
  );
});

test("during a rolling deploy old code parks what it does not know until new code has it, and handles the rest", async () => {
  await using o = await open();
  const [byOld, byNew]: [Old[], New[]] = [[], []];
  await using oldProcess = await open({ namespace: o.backbone.namespace });
  const older = await oldProcess.run(oldProcess.backbone.component("c", [on(oldOrders(), seen(byOld))]));
  const newer = await o.backbone.publish(newOrders(), { id: "a", size: 7 });
  const old = await o.backbone.publish(oldOrders(), { id: "b" });
  await o.backbone.publish(newOrders(), { id: "c", size: 8 });
  assert.is(await older.whenSettled(old), "acked");
  await eventually(async () => (await o.client.zcard(o.keys.parked(0, "orders", "c"))) === 2);
  // Looked at again and again: that is no attempt.
  const parkedUntil = async (): Promise<string[]> =>
    o.client.zrange(o.keys.parked(0, "orders", "c"), "0", "-1", "WITHSCORES");
  const before = await parkedUntil();
  await eventually(async () => {
    const now = await parkedUntil();
    return now.length === 4 && now[1] !== before[1] && now[3] !== before[3];
  });
  const attempted: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(newOrders(), ({ payload }, { attempt }) => {
        byNew.push(payload);
        attempted.push(attempt);
      }),
    ]),
  );
  await older.drain(); // whichever of the two owned the partition until now
  assert.is(await component.whenSettled(newer), "acked");
  await component.whenIdle();
  assert.equal(byOld, [{ id: "b" }]);
  assert.equal(byNew.map(({ id }) => id).sort(), ["a", "c"]);
  assert.equal(attempted, [1, 1]);
  assert.is((await o.dead(oldOrders(), "c")).length, 0);
  const told = oldProcess.log.filter(({ text }) => text.includes("of a version that this code does not know"));
  assert.equal(
    told.map(({ fields }) => [fields["channel"], fields["version"]]),
    [["orders", 2]],
  );
});

for (const onRetry of ["park", "block"] as const) {
  test(`an owner ${onRetry === "park" ? "parks what it does not know" : "keeps its lane waiting for it"}, and its successor handles it`, async () => {
    const log: LogLine[] = [];
    await using backbone = memoryBackbone({ log: memoryLog(log) });
    const retry: RetryPolicy = { maxAttempts: 1, backoffMs: 1_000, maxBackoffMs: 1_000, onRetry };
    const [byOld, byNew]: [Old[], New[]] = [[], []];
    const older = backbone.component("c", [on(oldOrders(retry), seen(byOld))]);
    older.run();
    const unknown = await backbone.publish(newOrders(retry), { id: "a", size: 7 });
    await backbone.publish(oldOrders(retry), { id: "a" });
    const last = await backbone.publish(oldOrders(retry), { id: "b" });
    assert.is(await older.whenSettled(last), "acked");
    await backbone.clock.advance(10_500);
    assert.equal(byOld, onRetry === "park" ? [{ id: "a" }, { id: "b" }] : [{ id: "b" }]);
    const attempted: number[] = [];
    const successor = backbone.component("c", [
      on(newOrders(retry), ({ payload }, { attempt }) => {
        byNew.push(payload);
        attempted.push(attempt);
      }),
    ]);
    successor.run();
    const drained = older.drain();
    await backbone.clock.advance(5_000);
    await drained;
    await backbone.clock.advance(15_000);
    assert.is(await successor.whenSettled(unknown), "acked");
    await successor.whenIdle();
    assert.equal(
      byNew,
      onRetry === "park"
        ? [{ id: "a", size: 7 }]
        : [
            { id: "a", size: 7 },
            { id: "a", size: 1 },
          ],
    );
    assert.is(attempted[0], 1);
    assert.is(backbone.deadEvents("orders", "c").length, 0);
    assert.is(log.filter(({ text }) => text.includes("of a version that this code does not know")).length, 1);
  });
}

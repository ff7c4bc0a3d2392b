/** An event that is published with a time is in the log at once, and with its handlers when that time has come. */

import * as assert from "uvu/assert";
import { ChannelError, on, type Published } from "../../src/index.ts";
import { memoryBackbone } from "../../src/testing.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const hour = 3_600_000;

test("a delayed event is parked until its time, however far off, while others of its key go on", async () => {
  await using o = await open();
  const source = things("source");
  const got: { n: number; at: number; attempt: number }[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(source, ({ payload: { n } }, { attempt }) => void got.push({ n, at: Date.now(), attempt })),
    ]),
  );
  const dueAt = Date.now() + 400;
  const delayed = await o.backbone.publish(source, { n: 1, key: "k" }, { dueAt });
  const [, far] = await Promise.all([
    o.backbone.publish(source, { n: 2, key: "k" }),
    o.backbone.publish(source, { n: 3, key: "k" }, { dueAt: Date.now() + hour }),
  ]);
  assert.equal(
    (await o.entries(source)).map(({ fields }) => fields["due"] !== ""),
    [true, false, true],
  );
  assert.is(await component.whenSettled(delayed), "acked");
  assert.equal(
    got.map(({ n, attempt }) => [n, attempt]),
    [
      [2, 1],
      [1, 1],
    ],
  );
  assert.ok((got[1]?.at ?? 0) >= dueAt, "it was handled before its time");
  const parked = await o.client.zrange(o.keys.parked(0, "source", "c"), "0", "-1");
  assert.equal(parked, [far.entryId]);
});

test("a delayed event keeps its time over a member's end, and a batch goes on without it", async () => {
  await using o = await open();
  const source = things("source");
  const sizes: number[] = [];
  const batches = on(source, { batch: { maxSize: 3, maxWaitMs: 20 } }, (events) => void sizes.push(events.length));
  const first = await o.run(o.backbone.component("c", [batches]));
  const dueAt = Date.now() + 1_500;
  const refs = await Promise.all([1, 2, 3].map((n) => o.backbone.publish(source, { n }, n === 2 ? { dueAt } : {})));
  assert.is(await first.whenSettled(refs[0] as Published), "acked");
  assert.is(await first.whenSettled(refs[2] as Published), "acked");
  await eventually(async () => (await o.client.zcard(o.keys.parked(0, "source", "c"))) === 1);
  await first.drain();
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    2,
  );
  const second = await o.run(o.backbone.component("c", [batches]));
  assert.is(await second.whenSettled(refs[1] as Published), "acked");
  assert.ok(Date.now() >= dueAt);
});

test("in memory: an hour passes in an advance, and a handler's output may be due later as well", async () => {
  await using backbone = memoryBackbone();
  const { clock } = backbone;
  const [source, out] = [things("source"), things("out")];
  const got: [number, number, number][] = [];
  const begin = clock.now();
  const component = backbone.component("c", [
    on(source, async ({ payload }, { publish }) => {
      await publish(out, payload, { dueAt: clock.now() + 2 * hour });
    }),
    on(out, ({ payload: { n } }, { attempt }) => void got.push([n, clock.now() - begin, attempt])),
  ]);
  component.run();
  const ref = await backbone.publish(source, { n: 1 }, { dueAt: begin + hour });
  await clock.advance(hour - 1);
  assert.is(backbone.events(out).length, 0);
  await clock.advance(1);
  assert.is(await component.whenSettled(ref), "acked");
  assert.is(backbone.events(out)[0]?.dueAt, begin + 3 * hour);
  await clock.advance(2 * hour);
  await component.whenIdle();
  assert.equal(got, [[1, 3 * hour, 1]]);
});

test("a failing delayed event is retried as any other, and keeps its number of attempts", async () => {
  await using backbone = memoryBackbone();
  const { clock } = backbone;
  const source = things("source", { retry: { maxAttempts: 2, backoffMs: 1_000, maxBackoffMs: 1_000, jitter: 0 } });
  const attempts: number[] = [];
  const component = backbone.component("c", [
    on(source, (_, { attempt }) => {
      attempts.push(attempt);
      throw new Error("no");
    }),
  ]);
  component.run();
  const ref = await backbone.publish(source, { n: 1 }, { dueAt: clock.now() + hour });
  await clock.advance(hour + 2_000);
  assert.is(await component.whenSettled(ref), "deadLettered");
  assert.equal(attempts, [1, 2]);
});

test("refuses what is no time, and takes one that has passed as due", async () => {
  await using o = await open();
  const source = things("source");
  for (const dueAt of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    await rejects(o.backbone.publish(source, { n: 1 }, { dueAt }), ChannelError, /dueAt is .*epoch ms/);
  const got: number[] = [];
  const component = await o.run(o.backbone.component("c", [on(source, ({ payload: { n } }) => void got.push(n))]));
  await o.backbone.publish(source, { n: 1 }, { dueAt: 1 });
  await o.write(source, "payload", '{"n":2}', "due", "tomorrow");
  await component.whenIdle();
  assert.equal(got, [1, 2]);
});

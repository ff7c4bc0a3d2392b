/** A batch handler gets several events at once, and what it publishes comes of all of them, or of those that it names. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { open, soon, things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

test("an output that names one event of a batch as its cause has the same id however the batch was cut", async () => {
  const [source, out] = [things("source"), things("out")];
  const idsWith = async (maxSize: number): Promise<readonly string[]> => {
    await using o = await open();
    for (let n = 0; n < 6; n++) await o.backbone.publish(source, { n, key: "k" }, { eventId: `e${n}` });
    const component = await o.run(
      o.backbone.component("copier", [
        on(source, { batch: { maxSize, maxWaitMs: 5 } }, async (events, { publish }) => {
          await publish(out, { n: -1 });
          for (const event of events)
            for (let copy = 0; copy < 2; copy++) await publish(out, event.payload, { causedBy: [event] });
        }),
      ]),
    );
    await component.whenIdle();
    const entries = await o.entries(out);
    const ids = entries.map(({ fields }) => fields["id"] as string);
    assert.is(new Set(ids).size, ids.length);
    return entries.flatMap(({ fields, payload }) => (payload.n < 0 ? [] : [fields["id"] as string])).toSorted();
  };
  const cut = await idsWith(1);
  assert.is(cut.length, 12);
  assert.equal(await idsWith(4), cut);
});

test("gives a batch handler its events together, within their number", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  for (let n = 0; n < 25; n++) await o.backbone.publish(source, { n });
  const sizes: number[] = [];
  const component = await o.run(
    o.backbone.component("summer", [
      on(source, { batch: { maxSize: 10, maxWaitMs: 5 } }, async (events, { publish, effectIdOf }) => {
        sizes.push(events.length);
        assert.is(new Set(events.map(effectIdOf)).size, events.length);
        await publish(out, { n: events.reduce((sum, { payload }) => sum + payload.n, 0) });
        const [first] = events;
        if (first !== undefined) await publish(out, { n: 0 }, { causedBy: [first] });
      }),
    ]),
  );
  await component.whenIdle();
  assert.is(
    sizes.reduce((sum, size) => sum + size, 0),
    25,
  );
  assert.ok(Math.max(...sizes) === 10, `sizes ${sizes}`);
  const entries = await o.entries(out);
  assert.is(
    entries.reduce((sum, { payload }) => sum + payload.n, 0),
    300,
  );
  const causes = entries.map(({ fields }) => fields["causes"]?.split(",").length ?? 0);
  assert.equal(
    causes.filter((_, i) => i % 2 === 0),
    sizes,
  );
  assert.ok(causes.filter((_, i) => i % 2 === 1).every((count) => count === 1));
});

test("hands over a batch that does not fill after its waiting time", async () => {
  await using o = await open();
  const source = things("source");
  const component = await o.run(
    o.backbone.component("c", [on(source, { batch: { maxSize: 100, maxWaitMs: 10 } }, () => undefined)]),
  );
  assert.is(await component.whenSettled(await o.backbone.publish(source, { n: 1 })), "acked");
});

test("handles the events of a batch that fails one by one, so that only the bad one suffers", async () => {
  await using o = await open();
  const [source, out] = [things("source", { retry: { ...soon, maxAttempts: 2 } }), things("out")];
  const refs = await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(source, { n })));
  const component = await o.run(
    o.backbone.component("c", [
      on(source, { batch: { maxSize: 10, maxWaitMs: 5 } }, async (events, { publish }) => {
        for (const { payload } of events) {
          await publish(out, payload);
          if (payload.n === 4) throw new Error("bad");
        }
      }),
    ]),
  );
  await component.whenIdle();
  assert.equal((await o.entries(out)).map(({ payload }) => payload.n).sort(), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
  const dead = await o.dead(source, "c");
  assert.equal(
    dead.map((letter) => [letter["id"], letter["dead-attempts"]]),
    [[refs[4]?.id, "2"]],
  );
});

/** What one settlement may hold is bounded, and so is what one script settles: nobody's handler stops Redis for all. */

import * as assert from "uvu/assert";
import { InFlight } from "../../src/consume/in-flight.ts";
import { Settler } from "../../src/consume/settler.ts";
import { ConfigError, on } from "../../src/index.ts";
import type { Hold } from "../../src/ownership/hold.ts";
import type { NewEntry } from "../../src/ports/append.ts";
import { hostClock } from "../../src/ports/host-clock.ts";
import { silentLog } from "../../src/ports/log.ts";
import type { Output, SettleResult } from "../../src/ports/settle.ts";
import { open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

const once = { retry: { ...soon, maxAttempts: 1 } };

test("an attempt that publishes more than its component may is refused, and nothing of it is appended", async () => {
  await using o = await open();
  const [source, out] = [things("source", once), things("out")];
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(source, async ({ payload }, { publish }) => {
          for (let n = 0; n < payload.n; n++) await publish(out, { n });
        }),
      ],
      { maxOutputs: 3 },
    ),
  );
  const [fits, tooMany] = await Promise.all([
    o.backbone.publish(source, { n: 3 }),
    o.backbone.publish(source, { n: 4 }),
  ]);
  assert.is(await component.whenSettled(fits), "acked");
  assert.is(await component.whenSettled(tooMany), "deadLettered");
  assert.is((await o.entries(out)).length, 3);
  const [letter] = await o.dead(source, "c");
  assert.is(letter?.["dead-code"], new ConfigError("").code);
  assert.match(letter?.["dead-error"] ?? "", /component "c".* 3 .*maxOutputs.*several events/);
});

test("the attempt fails though its handler awaits none of its publishes, and its process lives", async () => {
  await using o = await open();
  const [source, out] = [things("source", once), things("out")];
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(source, (_event, { publish }) => {
          for (let n = 0; n < 5; n++) void publish(out, { n });
        }),
      ],
      { maxOutputs: 3 },
    ),
  );
  assert.is(await component.whenSettled(await o.backbone.publish(source, { n: 1 })), "deadLettered");
  assert.is(await o.client.exists(o.stream(out)), 0);
});

test("a batch that publishes more than its component may is handled event by event", async () => {
  await using o = await open();
  const [source, out] = [things("source", once), things("out")];
  const sizes: number[] = [];
  for (let n = 0; n < 4; n++) await o.backbone.publish(source, { n });
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(source, { batch: { maxSize: 4, maxWaitMs: 1_000 } }, async (events, { publish }) => {
          sizes.push(events.length);
          for (const { payload } of events) await publish(out, payload);
        }),
      ],
      { maxOutputs: 3 },
    ),
  );
  await component.whenIdle();
  assert.equal(sizes, [4, 1, 1, 1, 1]);
  assert.equal((await o.entries(out)).map(({ payload }) => payload.n).sort(), [0, 1, 2, 3]);
});

test("the bytes of an attempt's outputs are bounded, though one alone may have its channel's size", async () => {
  await using o = await open();
  const [source, out] = [things("source", once), things("out")];
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(source, async ({ payload }, { publish }) => {
          for (let n = 0; n < payload.n; n++) await publish(out, { n, key: "x".repeat(2_000) });
        }),
      ],
      { maxOutputBytes: 1_024 },
    ),
  );
  const [one, two] = [await o.backbone.publish(source, { n: 1 }), await o.backbone.publish(source, { n: 2 })];
  assert.is(await component.whenSettled(one), "acked");
  assert.is(await component.whenSettled(two), "deadLettered");
  assert.match((await o.dead(source, "c"))[0]?.["dead-error"] ?? "", /1024 bytes.*maxOutputBytes/);
});

test("an attempt that writes more keys of state than its component may publish events is refused", async () => {
  await using o = await open();
  const source = things("source", once);
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(source, ({ payload }, { state }) => {
          for (let n = 0; n < payload.n; n++) state("s").set(`k${n}`, n);
          state("s").set("k0", "again"); // no further key
        }),
      ],
      { maxOutputs: 3 },
    ),
  );
  const [fits, tooMany] = [await o.backbone.publish(source, { n: 3 }), await o.backbone.publish(source, { n: 4 })];
  assert.is(await component.whenSettled(fits), "acked");
  assert.is(await component.whenSettled(tooMany), "deadLettered");
  assert.match((await o.dead(source, "c"))[0]?.["dead-error"] ?? "", /keys of state.*maxOutputs/);
});

test("refuses bounds that cannot be", async () => {
  await using o = await open();
  const make = (options: object) => () => o.backbone.component("c", [on(things("things"), () => undefined)], options);
  assert.throws(make({ maxOutputs: 0 }), /maxOutputs is 0/);
  assert.throws(make({ maxOutputBytes: 1.5 }), /maxOutputBytes is 1.5/);
});

test("one batch settles as much as it may hold Redis up for, and a settlement that is larger goes alone", async () => {
  const sent: number[][] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let left = 12;
  const settler = new Settler({
    hold,
    inFlight: new InFlight([], new Map(), 1),
    clock: hostClock,
    log: silentLog,
    component: "c",
  });
  settler.resume({
    settle: async (_claim, { settlements }) => {
      sent.push(settlements.map((one) => (one.kind === "acked" ? one.outputs.length : 0)));
      const results = settlements.map((): SettleResult => ({ outcome: "settled", ids: [] }));
      return { outcome: "settled", results, wanted: "", remade: [] };
    },
  });
  const settle = (count: number, size: number): void => {
    const outputs = Array<Output>(count).fill({ partition: 0, entry: {} as NewEntry });
    settler.submit({
      deliveries: [],
      settlement: { kind: "acked", locks: [], entries: [], outputs, changes: [] },
      size,
      refusal: undefined,
      settled: () => {
        if (--left === 0) resolve();
      },
      lost: () => undefined,
    });
  };
  // What only acknowledges goes with whatever there is room beside.
  for (const outputs of [600, 300, 200, 5_000, 1, 0, 0]) settle(outputs, outputs);
  await eventually(() => left === 5);
  assert.equal(sent, [[600, 300, 1, 0, 0], [200], [5_000]]);
  sent.length = 0;
  for (const size of [700_000, 300_000, 100_000, 3_000_000, 10]) settle(1, size);
  await done;
  assert.equal(sent, [[1, 1, 1], [1], [1]]);
});

const hold: Hold = {
  claim: { epoch: 1, owner: "m/t" },
  mayStart: true,
  confirmed: () => undefined,
  lost: () => undefined,
  broken: () => undefined,
  isInUse: () => true,
  outrun: () => undefined,
  retake: async () => true,
};

/** A replay of handlers that fail, batches that fail, and members that overtake each other; and the captured results. */

import * as assert from "uvu/assert";
import { on, PermanentError, type Subscription } from "../../src/index.ts";
import { type CapturedCall, diff, openLog, replayComponent } from "../../src/replay.ts";
import { open, type Thing } from "../support/backbone.ts";
import { test } from "../support/test.ts";
import { callsOf, gathered, ins, kept, live, numbers, others, outs } from "./captured-calls.ts";

test("an event that needed three attempts is captured with three, and one that never succeeds with its error", async () => {
  await using o = await open();
  const subscriptions = [
    on(ins, async ({ payload: { n } }, { attempt, publish }) => {
      if (n === 1 && attempt < 3) throw new Error("not yet");
      if (n === 2) throw new Error("never");
      if (n === 3) throw new PermanentError("hopeless");
      await publish(outs, { n: n + 100 });
    }),
  ];
  for (const n of [0, 1, 2, 3]) await o.backbone.publish(ins, { n });
  await o.write(ins, "payload", '{"n":"four"}');
  await o.write(ins, "nothing", "at all");
  await o.write(ins, "payload", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]));
  const source = await live(o, subscriptions, ["ins", "outs"]);
  assert.is((await o.dead(ins, "c")).length, 5);

  const calls = await callsOf({ source, subscriptions });
  const told = new Map(calls.map((call) => [call.entries[0]?.entryId, call]));
  const inOrder = (await o.client.xrange(o.stream(ins), "-", "+")).map(([id]) => told.get(id));
  assert.equal(
    inOrder.map((call) => [call?.outcome, call?.attempts, call?.error?.code, call?.recorded, call?.outputs.length]),
    [
      ["acked", 1, undefined, "acked", 1],
      ["acked", 3, undefined, "acked", 1],
      ["deadLettered", 3, "Error", "deadLettered", 0],
      ["deadLettered", 1, "THROUGHLINE_PERMANENT", "deadLettered", 0],
      ["deadLettered", 1, "THROUGHLINE_PAYLOAD", "deadLettered", 0],
      ["deadLettered", 1, "THROUGHLINE_ENVELOPE", "deadLettered", 0],
      ["deadLettered", 1, "THROUGHLINE_ENVELOPE", "deadLettered", 0],
    ],
  );
  assert.match(inOrder[2]?.error?.reason ?? "", /never/);
  const outIds = (await o.entries(outs)).map(({ fields }) => fields["id"]);
  assert.equal(calls.flatMap(({ outputs }) => outputs.map(({ envelope }) => envelope?.id)).sort(), outIds.sort());
  assert.ok((await diff(source, replayComponent({ source, component: "c", subscriptions }))).isSame);
});

test("a handler that fails where it did not is a difference of outcome, with its reason and its missing output", async () => {
  await using o = await open();
  const handler = (bad: number | undefined): Subscription =>
    on(ins, async ({ payload: { n } }, { publish }) => {
      if (n === bad) throw new PermanentError("refused by the new rule");
      await publish(outs, { n: n + 100 });
    });
  for (const n of [0, 1, 2]) await o.backbone.publish(ins, { n });
  const source = await live(o, [handler(undefined)], ["ins", "outs"]);
  const replay = replayComponent({ source, component: "c", subscriptions: [handler(1)] });
  const { events, outcomes, channels, isSame } = await diff(source, replay);
  assert.is(isSame, false);
  assert.equal(channels["outs"], { same: 2, changed: 0, missing: 1, added: 0 });
  assert.equal(
    events.map(({ kind, channel }) => [kind, channel]),
    [["missing", "outs"]],
  );
  const [outcome] = outcomes;
  assert.equal([outcomes.length, outcome?.recorded, outcome?.replayed], [1, "acked", "deadLettered"]);
  assert.match(outcome?.error ?? "", /refused by the new rule/);
  assert.equal(replay.summary?.otherOutcomes, 1);

  const mended = await diff(
    await kept(replay),
    replayComponent({ source, component: "c", subscriptions: [handler(undefined)] }),
  );
  assert.equal(
    mended.outcomes.map(({ recorded, replayed }) => [recorded, replayed]),
    [["deadLettered", "acked"]],
  );
});

test("a batch that failed live is replayed one by one, as it was settled; a batch that fails now is split as it would be live", async () => {
  await using o = await open();
  const batch = (bad: number): Subscription =>
    on(ins, { batch: { maxSize: 4, maxWaitMs: 50 } }, async (events, { publish }) => {
      if (events.some(({ payload: { n } }) => n === bad)) throw new PermanentError("one is bad");
      for (const event of events) await publish(outs, { n: event.payload.n + 100 }, { causedBy: [event] });
    });
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((n) => o.backbone.publish(ins, { n })));
  const source = await live(o, [batch(2)], ["ins", "outs"]);
  const unchanged = replayComponent({ source, component: "c", subscriptions: [batch(2)] });
  assert.ok((await diff(source, unchanged)).isSame);
  assert.is(unchanged.summary?.deadLettered, 1);
  const byNumber = (a: CapturedCall, b: CapturedCall): number => (numbers(a)[0] ?? 0) - (numbers(b)[0] ?? 0);
  const again = (await callsOf({ source, subscriptions: [batch(2)] })).toSorted(byNumber);
  assert.equal(again.map(numbers), [[0], [1], [2], [3], [4, 5, 6, 7]]);

  const calls = (await callsOf({ source, subscriptions: [batch(6)] })).toSorted(byNumber);
  assert.equal(
    calls.map((call) => [numbers(call), call.outcome, call.outputs.length]),
    [
      [[0], "acked", 1],
      [[1], "acked", 1],
      [[2], "acked", 1],
      [[3], "acked", 1],
      [[4], "acked", 1],
      [[5], "acked", 1],
      [[6], "deadLettered", 0],
      [[7], "acked", 1],
    ],
  );
});

test("calls are replayed in the order of the settlements, over channels and keys", async () => {
  await using o = await open();
  const first = Promise.withResolvers<void>();
  // The first event of one channel waits for the second of the other: in the order of the ids it would see nothing of it.
  const subscriptions = [
    on(ins, async ({ payload: { n } }, { publish, state }) => {
      await first.promise;
      await publish(outs, { n: n + ((await state<number>("seen").get("others")) ?? 0) });
    }),
    on(others, ({ payload: { n } }, { state }) => state<number>("seen").set("others", n)),
  ];
  await o.backbone.publish(ins, { n: 1, key: "a" });
  const ref = await o.backbone.publish(others, { n: 1_000, key: "b" });
  const component = o.backbone.component("c", subscriptions);
  const run = component.run();
  await component.whenSettled(ref);
  first.resolve();
  await component.whenIdle();
  await component.drain();
  await run;
  const source = await openLog(o.backbone, ["ins", "others", "outs"], { components: ["c"] });
  assert.equal(
    (await o.entries(outs)).map(({ payload }) => payload.n),
    [1_001],
  );

  assert.ok((await diff(source, replayComponent({ source, component: "c", subscriptions }))).isSame);
  const appended = replayComponent({ source, component: "c", subscriptions, order: "appended" });
  const { events } = await diff(source, appended);
  assert.equal(events[0]?.fields, [{ path: "payload.n", recorded: 1_001, replayed: 1 }]);
});

test("a dead letter that was redriven is replayed twice, and its outcomes are the same", async () => {
  await using o = await open();
  let isMended = false;
  const subscriptions = [
    on(ins, async ({ payload: { n } }, { publish, state }) => {
      // Its own history decides, so that the replay can do the same as the run.
      const tries = (await state<number>("tries").get("all")) ?? 0;
      if (n === 1 && tries < 2 && !isMended) throw new PermanentError("not before the others");
      state<number>("tries").set("all", tries + 1);
      await publish(outs, { n: tries });
    }),
  ];
  await o.backbone.publish(ins, { n: 1 });
  await o.backbone.publish(ins, { n: 2 });
  await o.backbone.publish(ins, { n: 3 });
  await live(o, subscriptions, ["ins"]);
  await o.backbone.deadLetters({ channel: "ins", component: "c" }).redrive({});
  isMended = true;
  const source = await live(o, subscriptions, ["ins", "outs"]);
  isMended = false;
  assert.is((await o.entries(outs)).length, 3);

  const replay = replayComponent({ source, component: "c", subscriptions });
  assert.equal(
    (await gathered(replay.calls())).filter((call) => numbers(call)[0] === 1).map(({ outcome }) => outcome),
    ["deadLettered", "acked"],
  );
  assert.ok((await diff(source, replay)).isSame);
});

test("effects have the ids that they have live, and are captured; so are state and its writes", async () => {
  await using o = await open();
  const used: string[] = [];
  const subscriptions = [
    on(ins, async ({ payload: { n } }, { effectId, state }) => {
      used.push(effectId);
      state<Thing>("latest").set("ins", { n });
    }),
    on(others, { batch: { maxSize: 10, maxWaitMs: 20 } }, (events, { effectIdOf, state }) => {
      for (const event of events) used.push(effectIdOf(event));
      state<Thing>("latest").delete("gone");
    }),
  ];
  for (const n of [1, 2]) await o.backbone.publish(ins, { n });
  for (const n of [3, 4]) await o.backbone.publish(others, { n });
  const source = await live(o, subscriptions, ["ins", "others"]);
  const lived = used.splice(0);

  const given = [
    { partition: 0, store: "latest", key: "gone", value: { n: 9 } },
    { partition: 0, store: "latest", key: "kept", value: { n: 8 } },
  ];
  const replay = replayComponent({ source, component: "c", subscriptions, state: given });
  const calls = await gathered(replay.calls());
  assert.equal([...used].sort(), [...lived].sort());
  assert.equal(calls.flatMap(({ effectIds }) => effectIds).sort(), [...lived].sort());
  assert.is(replay.summary?.effects, 4);
  assert.equal(calls.find((call) => numbers(call)[0] === 2)?.writes, [
    { store: "latest", key: "ins", value: { n: 2 } },
  ]);
  const state = [...replay.state()].map(({ store, key, value }) => [store, key, value]);
  assert.equal(state.sort(), [
    ["latest", "ins", { n: 2 }],
    ["latest", "kept", { n: 8 }],
  ]);
});

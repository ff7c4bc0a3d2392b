/** A replay of a component over a log that lacks something, one that is ended, and one that cannot run. */

import * as assert from "uvu/assert";
import { on, ReplayError } from "../../src/index.ts";
import { diff, openLog, type ReplaySource, replayComponent } from "../../src/replay.ts";
import { open } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { gathered, ins, live, numbers, others, outs } from "./captured-calls.ts";

test("without a settlement log entries are replayed by their ids, in batches as they fill up, and a caveat says so", async () => {
  await using o = await open();
  const subscriptions = [
    on(ins, { batch: { maxSize: 3, maxWaitMs: 10_000 } }, async (events, { publish }) => {
      for (const event of events) await publish(outs, { n: events.length }, { causedBy: [event] });
    }),
  ];
  await Promise.all([0, 1, 2, 3, 4].map((n) => o.backbone.publish(ins, { n })));
  const source = await openLog(o.backbone, ["ins"]);
  const replay = replayComponent({ source, component: "c", subscriptions });
  const calls = await gathered(replay.calls());
  assert.is(replay.summary?.order, "appended");
  assert.equal(calls.map(numbers), [
    [0, 1, 2],
    [3, 4],
  ]);
  assert.equal(
    calls.map(({ recorded }) => recorded),
    [undefined, undefined],
  );
  const { notes } = await diff(source, replay);
  assert.ok(
    notes.some((note) => /no settlements of "c"/.test(note)),
    notes.join("\n"),
  );
  assert.ok(
    notes.some((note) => /nothing of the channel: 5 events replayed on "outs"/.test(note)),
    notes.join("\n"),
  );
});

test("counts what the record lacks: entries in flight at its end, entries that it has not, channels without a handler", async () => {
  await using o = await open();
  const subscriptions = [on(ins, () => undefined), on(others, () => undefined)];
  const refs = await Promise.all([0, 1, 2].map((n) => o.backbone.publish(ins, { n })));
  await o.backbone.publish(others, { n: 3 });
  await live(o, subscriptions, ["ins"]);
  await o.backbone.publish(ins, { n: 4 });
  const missing = refs[1]?.entryId;
  const log = await openLog(o.backbone, ["ins"], { components: ["c"] });
  const source: ReplaySource = {
    ...log,
    async *lines(signal) {
      for await (const line of log.lines(signal)) {
        if (line.kind === "settlement" || line.entry.entryId !== missing) yield line;
      }
    },
  };
  const replay = replayComponent({ source, component: "c", subscriptions: [on(ins, () => undefined)] });
  const calls = await gathered(replay.calls());
  assert.equal(calls.flatMap(numbers), [0, 2]);
  assert.equal(replay.summary?.gaps, { absent: 1, unsettled: 1, unsubscribed: 1 });
});

test("a replay ends after its current call, and one that cannot run is refused before it begins", async () => {
  await using o = await open();
  const subscriptions = [on(ins, () => undefined)];
  for (const n of [0, 1, 2]) await o.backbone.publish(ins, { n });
  const source = await live(o, subscriptions, ["ins"]);
  const stop = new AbortController();
  let calls = 0;
  for await (const _ of replayComponent({ source, component: "c", subscriptions }).calls(stop.signal)) {
    calls++;
    stop.abort();
  }
  assert.is(calls, 1);
  assert.throws(
    () => replayComponent({ source, component: "c", subscriptions: [on(others, () => undefined)] }),
    /reads others, of which .* has nothing/,
  );
  assert.throws(() => replayComponent({ source, component: "c", subscriptions: [] }), /subscribes to nothing/);
  assert.throws(
    () => replayComponent({ source, component: "c", subscriptions: [...subscriptions, ...subscriptions] }),
    /twice/,
  );
  assert.throws(() => replayComponent({ source, component: "c", subscriptions, speed: 0 }), /speed is 0/);
  await rejects(openLog(o.backbone, ["nowhere"]), ReplayError, /no channel "nowhere"/);
});

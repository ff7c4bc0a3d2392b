/** Text that UTF-8 cannot write names nothing: lone surrogates would all become the same replacement character. */

import { writeFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { ChannelError, deriveEventId, item, on, PayloadError, RecordingError } from "../../src/index.ts";
import { importEntries, type LineParser, ndjsonLine, openRecording, replayComponent } from "../../src/replay.ts";
import { entry, header, makeDirectory, writeRecording } from "../replay/recording-files.ts";
import { open, soon, type Thing, things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

/** Each is half a character, and they would be one key: `\ufffd`. */
const halves = ["\ud800", "a\udfff", "\udc00\ud800"];

test("a key that is ill-formed is the payload's fault, and nothing of it is sent", async () => {
  await using o = await open();
  const channel = things("things");
  for (const key of halves) {
    const error = await rejects(o.backbone.publish(channel, { n: 1, key }), PayloadError);
    assert.match(error.message, /key .*\\ud800|key .*\\udfff|key .*\\udc00/);
    assert.ok(error.message.isWellFormed());
    await rejects(o.backbone.publishAll([item(channel, { n: 1 }), item(channel, { n: 2, key })]), PayloadError);
  }
  assert.is(await o.client.exists(o.stream(channel)), 0);
  await o.backbone.publish(channel, { n: 1, key: "🙂\ufffd" });
  assert.is((await o.entries(channel))[0]?.fields["key"], "🙂\ufffd");
});

test("an event id that is ill-formed is refused, where it is given and where it is referred to", async () => {
  await using o = await open();
  const channel = things("things", { dedupe: { windowMs: 60_000 } });
  for (const eventId of halves) {
    await rejects(o.backbone.publish(channel, { n: 1 }, { eventId }), ChannelError, /well-formed/);
    await rejects(o.backbone.publishAll([item(channel, { n: 1 }, { eventId })]), ChannelError, /well-formed/);
    const causedBy = [{ id: eventId, channel: "x", entryId: "", traceparent: "" }];
    await rejects(o.backbone.publish(channel, { n: 1 }, { causedBy }), ChannelError, /well-formed/);
    assert.throws(() => deriveEventId(eventId, "c", 0), /well-formed/);
    assert.throws(() => deriveEventId("x", "c", eventId), /well-formed/);
  }
  assert.is(await o.client.exists(o.stream(channel)), 0);
});

test("a state key that is ill-formed is refused, by the handler's tools and from outside", async () => {
  await using o = await open();
  const [source, out] = [things("source", { retry: { ...soon, maxAttempts: 1 } }), things("out")];
  const refused: string[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(source, async (_event, { state, publish }) => {
        const counts = state<number>("counts");
        for (const key of halves) {
          for (const act of [() => counts.get(key), () => counts.set(key, 1), () => counts.delete(key)]) {
            try {
              await act();
            } catch (error) {
              refused.push((error as Error).message);
            }
          }
        }
        counts.set("\ufffd", 1);
        await publish(out, { n: 1, key: "\ud800" });
      }),
    ]),
  );
  const ref = await o.backbone.publish(source, { n: 1 });
  // The output's key is its handler's mistake at each attempt.
  assert.is(await component.whenSettled(ref), "deadLettered");
  assert.is(refused.length, 9);
  for (const reason of refused) assert.match(reason, /well-formed/);
  assert.match((await o.dead(source, "c"))[0]?.["dead-error"] ?? "", /key .*well-formed/);
  await rejects(o.backbone.view("c", "counts").get("\ud800"), ChannelError, /well-formed/);
});

test("a line to import whose key or id is ill-formed is a wrong line", async () => {
  await using directory = await makeDirectory();
  await using o = await open();
  const channel = things("things");
  const path = directory.path("lines.ndjson");
  await writeFile(path, '{"n":1}\n{"n":2,"key":"\\ud800"}\n{"n":3}\n');
  const parse = ndjsonLine() as LineParser<Thing>;
  const error = await rejects(importEntries(o.backbone, channel, path, parse, { speed: "max" }), RecordingError);
  assert.is(error.line, 2);
  const withId: LineParser<Thing> = (text) => {
    const line = parse(text);
    return "payload" in line
      ? { ...line, payload: { n: line.payload.n }, eventId: `${line.payload.key ?? "id"}` }
      : line;
  };
  const wrongId = await rejects(importEntries(o.backbone, channel, path, withId, { speed: "max" }), RecordingError);
  assert.is(wrongId.line, 2);
  assert.is(await o.client.exists(o.stream(channel)), 0);
  const report = await importEntries(o.backbone, channel, path, parse, { speed: "max", skipInvalid: true });
  assert.equal([report.entries, report.invalid], [2, 1]);
});

test("a recording whose text is ill-formed is a wrong line, and no such state is given to a replay", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r.ndjson");
  await writeRecording(path, [header, entry(1), { ...entry(2), fields: ["id", "\ud800", "payload", '{"n":2}'] }]);
  const error = await rejects(openRecording(path), RecordingError, /well-formed/);
  assert.is(error.line, 3);
  await writeRecording(path, [header, entry(1)]);
  const replayed = replayComponent({
    source: await openRecording(path),
    component: "c",
    subscriptions: [on(things("orders"), () => undefined)],
    state: [{ partition: 0, store: "counts", key: "\ud800", value: 1 }],
  });
  await rejects(replayed.calls().next(), ChannelError, /well-formed/);
});

test("an entry whose key or id is no UTF-8 is dead-lettered, because its text could equal another's", async () => {
  await using o = await open();
  const channel = things("things");
  const keys: string[] = [];
  const component = await o.run(o.backbone.component("c", [on(channel, ({ key }) => void keys.push(key))]));
  const broken = Buffer.from([0x6b, 0xff]);
  await o.write(channel, "id", "1", "key", broken, "payload", '{"n":1}');
  await o.write(channel, "id", broken, "key", "k", "payload", '{"n":2}');
  await o.write(channel, "id", "3", "key", "\ufffd", "payload", '{"n":3}');
  await component.whenIdle();
  assert.equal(keys, ["\ufffd"]);
  assert.is((await o.dead(channel, "c")).length, 2);
});

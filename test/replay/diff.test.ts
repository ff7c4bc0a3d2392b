/** Two runs compared: same, changed, missing and added events, matched by their origins and not by their ids. */

import * as assert from "uvu/assert";
import { openReplays } from "../../src/composition/replays.ts";
import { connectBackbone, deriveEventId, on } from "../../src/index.ts";
import { toLogEntry } from "../../src/inspect/entries/log-reader.ts";
import { replayedId } from "../../src/model/replay-mark.ts";
import { renderDiff } from "../../src/replay/diff/difference-text.ts";
import type { ReplayLine, SettledCall } from "../../src/replay/source/source.ts";
import { type Difference, diff, openLog, type ReplaySource } from "../../src/replay.ts";
import { open, things } from "../support/backbone.ts";
import { redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

interface Written {
  readonly channel?: string;
  readonly payload?: unknown;
  readonly key?: string;
  readonly causes?: readonly string[];
  readonly baggage?: string;
  readonly time?: number;
}

/** A log made by hand: entries get rising ids. */
class Log {
  readonly lines: ReplayLine[] = [];
  #count = 0;

  entry(
    id: string,
    { channel = "outs", payload = {}, key = "", causes = [], baggage = "", time = 1 }: Written = {},
  ): string {
    const entryId = `${1_000 + this.#count++}-0`;
    const fields = [
      ...["id", id, "time", String(time), "key", key, "payload", JSON.stringify(payload)],
      ...["traceparent", "", "tracestate", "", "baggage", baggage, "causes", causes.join(",")],
    ];
    this.lines.push({ kind: "entry", entry: toLogEntry({ channel, entryId, fields }, 0) });
    return entryId;
  }

  settled(component: string, ...calls: readonly SettledCall[]): void {
    const settlement = { component, partition: 0, entryId: `${1_000 + this.#count++}-0`, calls };
    this.lines.push({ kind: "settlement", settlement });
  }

  source(name: string): ReplaySource {
    const channels = this.lines.flatMap((line) => (line.kind === "entry" ? [line.entry.channel] : []));
    const { lines } = this;
    return {
      name,
      namespace: "n",
      partitions: 1,
      channels: [...new Set(channels)],
      async *lines() {
        yield* lines;
      },
    };
  }
}

function compare(recorded: Log, replayed: Log, ignore: readonly string[] = []): Promise<Difference> {
  return diff(recorded.source("recorded"), replayed.source("replayed"), { ignore });
}

const acked = (channel: string, ...entryIds: readonly string[]): SettledCall => ({
  channel,
  entryIds,
  outcome: "acked",
});

test("names each changed field with both values, whatever the order of an object's fields", async () => {
  const [recorded, replayed] = [new Log(), new Log()];
  recorded.entry("in", { channel: "ins", payload: { n: 1, m: 2 } });
  replayed.entry("in", { channel: "ins", payload: { m: 2, n: 1 } });
  const payload = { id: "x", parts: [{ quantity: 1 }, { quantity: 2 }], note: "a" };
  recorded.entry("out", { payload, key: "k", causes: ["in"], time: 5 });
  replayed.entry("other", {
    payload: { ...payload, parts: [{ quantity: 1 }, { quantity: 3 }, {}] },
    key: "l",
    causes: ["in"],
  });
  const { events, channels, isSame } = await compare(recorded, replayed);
  assert.is(isSame, false);
  assert.equal(channels, {
    ins: { same: 1, changed: 0, missing: 0, added: 0 },
    outs: { same: 0, changed: 1, missing: 0, added: 0 },
  });
  assert.equal(events[0]?.fields, [
    { path: "key", recorded: "k", replayed: "l" },
    { path: "payload.parts[1].quantity", recorded: 2, replayed: 3 },
    { path: "payload.parts[2]", recorded: undefined, replayed: {} },
  ]);
  assert.ok((await compare(recorded, replayed, ["key", "payload.parts[]"])).isSame, "what may differ does not count");
});

test("the events of one cause are paired with their equals first, so that one more of them is one difference", async () => {
  const [recorded, replayed] = [new Log(), new Log()];
  for (const log of [recorded, replayed]) for (const id of ["a", "b"]) log.entry(id, { channel: "ins" });
  for (const [i, n] of [1_000, 300].entries()) recorded.entry(`a-${i}`, { payload: { n }, causes: ["a"] });
  recorded.entry("b-0", { payload: { n: 7 }, causes: ["b"] });
  for (const [i, n] of [500, 500, 300].entries()) replayed.entry(`x-${i}`, { payload: { n }, causes: ["a"] });
  replayed.entry("y-0", { payload: { n: 7 }, causes: ["b"] });
  const { events, channels } = await compare(recorded, replayed);
  assert.equal(channels["outs"], { same: 2, changed: 1, missing: 0, added: 1 });
  assert.equal(
    events.map(({ kind, causes, fields }) => [kind, causes, fields.map((field) => field.replayed)]),
    [
      ["changed", ["a"], [500]],
      ["added", ["a"], []],
    ],
  );
});

test("gives a difference the attributes of its baggage, and of the payload where the channel is known", async () => {
  const [recorded, replayed] = [new Log(), new Log()];
  const written = { payload: { n: 2 }, causes: ["a"], baggage: "user.id=ann%7Cbob,client.order_id=c-1" };
  recorded.entry("out", written);
  replayed.entry("out", { ...written, payload: { n: 3 } });
  const plain = await compare(recorded, replayed);
  assert.equal(plain.concerned, { "user.id": ["ann", "bob"], "client.order_id": ["c-1"] });
  const channel = things("outs", { correlation: ({ n }) => ({ "user.id": `u-${n}`, "event.type": "thing" }) });
  const known = await diff(recorded.source("r"), replayed.source("s"), { channels: [channel] });
  assert.equal(known.concerned, { "user.id": ["u-2", "u-3"], "client.order_id": ["c-1"] });
  assert.equal(known.events[0]?.about["event.type"], ["thing"]);
});

test("an output that a replayed component no longer publishes is missing; other components' outputs are not compared", async () => {
  const [recorded, replayed] = [new Log(), new Log()];
  const place = recorded.entry("in", { channel: "ins" });
  recorded.entry(deriveEventId("in", "c", 0), { channel: "outs", causes: ["in"] });
  recorded.entry(deriveEventId("in", "d", 0), { channel: "outs", causes: ["in"] });
  recorded.settled("c", acked("ins", place));
  recorded.settled("d", acked("ins", place));
  replayed.settled("c", acked("ins", replayed.entry("in", { channel: "ins" })));
  const { channels, notes, events } = await compare(recorded, replayed);
  assert.equal(channels["outs"], { same: 0, changed: 0, missing: 1, added: 0 });
  assert.is(events[0]?.recorded?.eventId, deriveEventId("in", "c", 0));
  assert.equal(notes, ['Not part of the replay, and not compared: 1 event recorded on "outs".']);
});

test("events of a replay into another namespace are matched with their originals, and so are the events that derive from them", async () => {
  const [recorded, replayed] = [new Log(), new Log()];
  recorded.entry("a", { channel: "ins" });
  recorded.entry("a-out", { causes: ["a"], payload: { n: 1 } });
  recorded.entry("a-far", { channel: "far", causes: ["a-out"], payload: { n: 2 } });
  const shadow = replayedId("a", "run");
  replayed.entry(shadow, { channel: "ins", causes: ["replay:run", "a"] });
  replayed.entry("shadow-out", { causes: [shadow], payload: { n: 1 } });
  replayed.entry("shadow-far", { channel: "far", causes: ["shadow-out"], payload: { n: 3 } });
  const { events, channels } = await compare(recorded, replayed);
  assert.equal([channels["ins"]?.same, channels["outs"]?.same], [1, 1]);
  assert.equal(
    events.map(({ kind, channel, causes }) => [kind, channel, causes]),
    [["changed", "far", ["a-out"]]],
  );
});

test("a component that ran in the shadow of a namespace is compared with the one that ran in it", async () => {
  await using o = await open();
  const ins = things("ins");
  const outs = things("outs");
  const far = things("far");
  const subscriptionsOf = (added: number) => [
    on(ins, async ({ payload: { n } }, { publish }) => void (await publish(outs, { n: n + (n === 3 ? added : 0) }))),
    on(outs, async ({ payload: { n } }, { publish }) => void (await publish(far, { n: n * 10 }))),
  ];
  const runIn = async (namespace: string, added: number): Promise<void> => {
    await using backbone = await connectBackbone({ url: redisUrl(), namespace });
    const component = backbone.component("c", subscriptionsOf(added));
    const run = component.run();
    await component.whenIdle();
    await component.drain();
    await run;
  };
  const { namespace } = o.backbone;
  await Promise.all([1, 2, 3, 4].map((n) => o.backbone.publish(ins, { n })));
  await runIn(namespace, 0);

  await using replays = openReplays({ url: redisUrl(), namespace });
  const shadows: string[] = [];
  for (const _ of [0, 1]) {
    const source = await replays.open({ channels: ["ins"] });
    const request = await replays.prepare(source, { speed: "max", namespace: `${namespace}-shadow-${shadows.length}` });
    await replays.start(source, request, {});
    shadows.push(request.namespace);
  }
  const results: Difference[] = [];
  for (const [i, shadow] of shadows.entries()) {
    await runIn(shadow, i);
    await using live = await connectBackbone({ url: redisUrl(), namespace });
    await using shadowed = await connectBackbone({ url: redisUrl(), namespace: shadow });
    const all = ["ins", "outs", "far"];
    results.push(
      await diff(await openLog(live, all, { components: ["c"] }), await openLog(shadowed, all, { components: ["c"] })),
    );
  }
  const [unchanged, changed] = results;
  assert.equal([unchanged?.events, unchanged?.outcomes, unchanged?.notes], [[], [], []]);
  assert.equal(unchanged?.channels["far"]?.same, 4);
  assert.equal(
    changed?.events.map(({ kind, channel, fields }) => [kind, channel, fields[0]?.recorded, fields[0]?.replayed]),
    [
      ["changed", "outs", 3, 4],
      ["changed", "far", 30, 40],
    ],
  );
});

test("lists differences up to a limit, counts all, and names in words what it could not compare", async () => {
  const [recorded, replayed] = [new Log(), new Log()];
  for (let n = 0; n < 30; n++) {
    recorded.entry(`a-${n}`, { causes: [`in-${n}`], payload: { n }, baggage: `user.id=u-${n}` });
    replayed.entry(`a-${n}`, { causes: [`in-${n}`], payload: { n: n + 1 }, baggage: `user.id=u-${n}` });
  }
  replayed.entry("new", { channel: "unheard", payload: {} });
  const difference = await diff(recorded.source("r"), replayed.source("s"), { maxListed: 10 });
  assert.equal([difference.events.length, difference.channels["outs"]?.changed], [10, 30]);
  assert.is(difference.concerned["user.id"]?.length, 30);
  const text = renderDiff(difference);
  assert.match(text, /Recorded: r\nReplayed: s/);
  assert.match(text, /outs +0 +30 +0 +0/);
  assert.match(text, /changed +outs +user\.id u-0 +payload\.n 0 +1/);
  assert.match(text, /user\.id +30 +u-0, u-1, u-2/);
  assert.match(text, /nothing of the channel: 1 event replayed on "unheard"/);
  assert.match(text, /Of 30 differences 10 are listed/);
  assert.match(text, /They differ\.$/);
  assert.match(renderDiff(await compare(recorded, recorded)), /No difference\.$/);
});

test("an aborted comparison gives no result", async () => {
  const log = new Log();
  for (let n = 0; n < 3; n++) log.entry(`e-${n}`);
  const stop = new AbortController();
  const source = log.source("r");
  // A source ends early when it is told to, as a recording does.
  const replayed: ReplaySource = {
    ...source,
    async *lines(signal) {
      for (const line of log.lines) {
        if (signal?.aborted === true) return;
        yield line;
        stop.abort(new Error("stopped by hand"));
      }
    },
  };
  await rejects(diff(source, replayed, { signal: stop.signal }), Error, /stopped by hand/);
});

test(
  "compares chains of 20,000 events by what each comes from",
  async () => {
    const [recorded, replayed] = [new Log(), new Log()];
    for (let n = 0; n < 20_000; n++) {
      recorded.entry(`r-${n}`, n === 0 ? {} : { causes: [`r-${n - 1}`] });
      const causes = n === 0 ? ["replay:run", "r-0"] : [`p-${n - 1}`];
      replayed.entry(`p-${n}`, { causes, payload: n === 19_999 ? { changed: true } : {} });
    }
    const difference = await compare(recorded, replayed);
    assert.equal(difference.channels, { outs: { same: 19_999, changed: 1, missing: 0, added: 0 } });
    assert.equal(
      difference.events.map(({ recorded, fields }) => [recorded?.entryId, fields[0]?.path]),
      [["20999-0", "payload.changed"]],
    );
  },
  { timeoutMs: 120_000 },
);

test("compares payloads that are nested 20,000 levels deep as text", async () => {
  const deep = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const sources = [deep(20_000), deep(20_001)].map((payload) => {
    const log = new Log();
    const fields = ["id", "e", "payload", payload];
    log.lines.push({ kind: "entry", entry: toLogEntry({ channel: "outs", entryId: "1-0", fields }, 0) });
    return log;
  });
  const difference = await compare(sources[0] as Log, sources[1] as Log);
  assert.is(difference.events[0]?.fields[0]?.path, "payload");
  assert.ok(JSON.stringify(difference).length > 80_000);
  assert.match(renderDiff(difference), /They differ/);
});

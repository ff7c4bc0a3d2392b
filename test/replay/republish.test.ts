/** The events that a replay writes: the same ones under ids of its run, in a shadow, and none in the source namespace. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import { ConfigError, connectBackbone, deriveEventId, on, RecordingError, ReplayError } from "../../src/index.ts";
import { openReplays, record, replay } from "../../src/replay.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { Stage } from "./stage.ts";

const t0 = 1_700_000_000_000;

/** Two orders, an exchange order that both caused, and their causes, which are not replayed. */
async function trade(log: HandWritten): Promise<void> {
  await log.describe(["orders", "exchange-orders"]);
  const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
  await log.append(
    "orders",
    { id: "o-1", key: "AAPL", time: 17, payload: { n: 1 }, causes: ["basket"], baggage: "user.id=u%3A1", traceparent },
    `${t0}-0`,
  );
  await log.append("orders", { id: "o-2", key: "MSFT", payload: { n: 2 } }, `${t0 + 1}-0`);
  // In the stream that is read first, and before its causes within their millisecond.
  await log.append("exchange-orders", { id: "x-1", causes: ["o-1", "o-2"] }, `${t0 + 1}-0`);
}

test("keeps key, payload, time and baggage, and gives ids that derive from the run and the original", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  const payload = '{"n":1.0,"big":12345678901234567890,"a":"\\u0041 é\\u2028"  }';
  await stage.log.appendRaw(stage.log.stream("orders"), { id: "odd,id", payload, key: "k" }, `${t0 + 5}-0`);
  const report = await stage.replay(["orders"], { run: "r-1" });
  const [first, , odd] = await stage.entries(report.namespace, "orders");
  assert.is(first?.["id"], deriveEventId("o-1", "r-1", "replay"));
  assert.equal([first?.["key"], first?.["time"], first?.["payload"]], ["AAPL", "17", '{"n":1}']);
  assert.is(first?.["baggage"], "user.id=u%3A1");
  assert.is(odd?.["payload"], payload);
  assert.is(odd?.["time"], String(t0 + 5), "an entry without a time has that of its append");
  assert.is(odd?.["causes"], "replay:r-1,odd%2cid");
  assert.equal([report.entries, report.appended, report.state, report.unreadable], [3, 3, "done", 0]);
});

test("rewrites the causes that are part of the replay, and keeps the others", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  const { namespace } = await stage.replay(["exchange-orders", "orders"], { run: "r-1" });
  const [order] = await stage.entries(namespace, "orders");
  const [exchangeOrder] = await stage.entries(namespace, "exchange-orders");
  const original = `o-1 00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
  assert.is(order?.["causes"], `replay:r-1,${original},basket`);
  const [one, two] = ["o-1", "o-2"].map((id) => deriveEventId(id, "r-1", "replay"));
  assert.is(exchangeOrder?.["causes"], `replay:r-1,x-1,${one},${two}`);
});

test("republishes into a shadow of its own, and leaves the source namespace as it was", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  const { client, namespace } = stage.log;
  await stage.log.group("orders", "algorithm");
  await stage.log.settle("orders", "algorithm", 1);
  const dump = async (): Promise<string> => {
    const keys = [...(await client.keys(`{${namespace}:*`)), `${namespace}:meta`].sort();
    const groups = await client.xinfo("GROUPS", stage.log.stream("orders"));
    return JSON.stringify([
      await Promise.all(keys.map(async (key) => [key, (await client.dump(key))?.length])),
      groups,
    ]);
  };
  const before = await dump();
  const one = await stage.replay(["orders"]);
  const two = await stage.replay(["orders"]);
  assert.is(await dump(), before);
  assert.is.not(one.namespace, two.namespace);
  assert.match(one.namespace, new RegExp(`^${namespace.slice(0, 30)}`));
  assert.ok(one.namespace.length <= 64);
  assert.is((await stage.entries(two.namespace, "orders")).length, 2);
});

test("a live namespace needs the option live, also one that was only written by hand", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  await using other = new HandWritten();
  await other.append("orders", { id: "by hand" });
  for (const namespace of [stage.log.namespace, other.namespace]) {
    const error = await rejects(stage.replay(["orders"], { namespace }), ReplayError);
    assert.match(error.message, "is live");
  }
  assert.is(await other.client.xlen(other.stream("orders")), 1);
  await other.describe(["orders"]);
  const report = await stage.replay(["orders"], { namespace: other.namespace, live: true });
  assert.is(report.entries, 2);
  assert.is(await other.client.xlen(other.stream("orders")), 3);
  assert.is(await other.client.hget(`${other.namespace}:meta`, "shadow"), null, "it is no shadow now");
});

test("a replay into the channel that it reads ends where that ended", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  const { namespace } = stage.log;
  const report = await stage.replay(["orders"], { namespace, live: true });
  assert.is(report.entries, 2);
  assert.is((await stage.entries(namespace, "orders")).length, 4);
});

test("a shadow may be named, and used again by another replay", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  const namespace = `${stage.log.namespace.slice(0, 50)}-again`;
  await stage.replay(["orders"], { namespace });
  await stage.replay(["orders"], { namespace, into: "more-orders" });
  assert.is((await stage.entries(namespace, "orders")).length, 2);
  assert.is((await stage.entries(namespace, "more-orders")).length, 2);
});

test("republishes only the entries that a range, an attribute, or a count selects", async () => {
  await using stage = new Stage();
  await stage.log.describe(["orders"]);
  for (let i = 0; i < 10; i++) {
    await stage.log.append("orders", { id: `o-${i}`, payload: { n: i }, baggage: `user.id=u${i % 2}` }, `${t0 + i}-0`);
  }
  const cases = [
    [{ from: `${t0 + 7}-0` }, [7, 8, 9]],
    [{ from: `(${t0 + 7}-0` }, [8, 9]],
    [{ to: String(t0 + 1) }, [0, 1]],
    [{ where: "user.id=u1" }, [1, 3, 5, 7, 9]],
    [{ where: "payload.n=4" }, [4]],
    [{ where: "user.id=u0", from: String(t0 + 3), limit: 2 }, [4, 6]],
    [{ limit: 0 }, []],
  ] as const;
  for (const [options, wanted] of cases) {
    const { namespace } = await stage.replay(["orders"], options);
    const got = (await stage.entries(namespace, "orders")).map((entry) => JSON.parse(entry["payload"] ?? "").n);
    assert.equal(got, wanted, JSON.stringify(options));
  }
});

test("an entry that is no event is refused by name before anything is written", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  const { client, namespace } = stage.log;
  const ids: string[] = [];
  for (let n = 0; n < 7; n++) ids.push(await stage.log.appendRaw(stage.log.stream("orders"), { what: "no payload" }));
  const error = await rejects(stage.replay(["orders"]), ReplayError);
  for (const id of ids.slice(0, 5)) assert.match(error.message, `orders: entry ${id} is not a readable event`);
  assert.match(error.message, /; and 2 more\. Nothing was written; skipInvalid \(--skip-invalid\)/);
  assert.equal(await client.keys(`*${namespace}-replay*`), []);
  // An entry that is not selected need not be an event.
  assert.is((await stage.replay(["orders"], { to: String(t0 + 1) })).entries, 2);
  assert.is((await stage.replay(["orders"], { limit: 2 })).entries, 2);

  const directory = await mkdtemp(join(tmpdir(), "throughline-replay-"));
  try {
    const file = join(directory, "morning.ndjson");
    await using observer = openObserver({ url: stage.log.url, namespace });
    await record(observer, ["orders"], file);
    const recorded = await rejects(replay({ url: stage.log.url, recording: file, speed: "max" }), RecordingError);
    assert.equal([recorded.file, recorded.line], [file, 4], "a header and two events stand before it");
    assert.match(recorded.message, `${file}, line 4: orders: entry ${ids[0]} is not a readable event`);
    assert.match(recorded.message, `line 5: orders: entry ${ids[1]}`);
    const source = await stage.replays.open({ recording: file });
    assert.is((await stage.replays.prepare(source, { skipInvalid: true })).total, 2);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("entries that are no events are left out and counted on request", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  await stage.log.appendRaw(stage.log.stream("orders"), { what: "no payload" });
  const bytes = Buffer.from([0x22, 0xff, 0xfe, 0x22]);
  await stage.log.client.xadd(stage.log.stream("orders"), "*", "payload", bytes);
  await stage.log.append("orders", { id: "valid", payload: "\ufffd" });
  const seen: string[] = [];
  const onUnreadable = ({ channel }: { readonly channel: string }) => void seen.push(channel);
  const report = await stage.replay(["orders"], { skipInvalid: true }, { onUnreadable });
  assert.equal([report.entries, report.unreadable, seen], [3, 2, ["orders", "orders"]]);
  const last = (await stage.entries(report.namespace, "orders")).at(-1);
  assert.is(last?.["payload"], '"\ufffd"');
});

test("entries stay in the partition that they are in", async () => {
  await using stage = new Stage();
  await stage.log.describe(["orders"], {}, 3);
  for (let i = 0; i < 9; i++) await stage.log.append("orders", { id: `o-${i}` }, "*", i % 3);
  const { namespace, entries } = await stage.replay(["orders"]);
  assert.is(entries, 9);
  for (const partition of [0, 1, 2]) assert.is((await stage.entries(namespace, "orders", partition)).length, 3);
});

test("a component handles replayed events as it handles published ones", async () => {
  await using stage = new Stage();
  const channel = things("things");
  await using live = await connectBackbone({ url: stage.log.url, namespace: stage.log.namespace });
  for (let n = 0; n < 300; n++) await live.publish(channel, { n, key: `k${n % 7}` });
  const { namespace } = await stage.replay(["things"]);
  await using shadow = await connectBackbone({ url: stage.log.url, namespace });
  const handled: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const component = shadow.component("counter", [
    on(channel, ({ payload }) => {
      if (handled.push(payload.n) === 300) resolve();
    }),
  ]);
  const stop = new AbortController();
  const run = component.run(stop.signal);
  await promise;
  stop.abort();
  await run;
  assert.equal(
    handled.toSorted((a, b) => a - b),
    Array.from({ length: 300 }, (_, n) => n),
  );
});

test("a request that cannot be met is refused before anything is written", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  await using other = new HandWritten();
  await other.describe(["orders"], {}, 4);
  const { url, namespace } = stage.log;
  const cases: readonly (readonly [Parameters<typeof replay>[0], RegExp])[] = [
    [{ url, sourceNamespace: namespace, channels: ["nothing"] }, /no channel "nothing" in namespace/],
    [
      { url, sourceNamespace: namespace, channels: ["orders", "exchange-orders"], into: "one" },
      /cannot all go into "one"/,
    ],
    [
      { url, sourceNamespace: namespace, channels: ["orders"], namespace: other.namespace, live: true },
      /lie in 1 partitions, and .* has 4/,
    ],
    [
      { url, sourceNamespace: namespace, channels: ["orders"], namespace, live: true, into: "typo" },
      /no channel "typo"/,
    ],
    [{ url, sourceNamespace: namespace, resume: "r-unknown" }, /no run r-unknown/],
  ];
  for (const [options, message] of cases) await rejects(replay(options), ReplayError, message);
  const wrong: readonly Parameters<typeof replay>[0][] = [
    { url },
    { url, sourceNamespace: namespace },
    { url, sourceNamespace: namespace, channels: ["orders"], speed: 0 },
    { url, sourceNamespace: namespace, channels: ["orders"], run: "A run" },
    { url, sourceNamespace: namespace, channels: ["orders"], where: "nothing" },
    { url, sourceNamespace: namespace, channels: ["orders"], limit: -1 },
    { url, sourceNamespace: namespace, channels: ["orders"], namespace: "Not One" },
  ];
  for (const options of wrong) await rejects(replay(options), ConfigError);
  assert.equal(await stage.log.client.keys(`{${namespace}-replay*`), []);
});

test("an entry that the target refuses ends the run, which can be resumed when it takes them again", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  const { client } = stage.log;
  const namespace = `${stage.log.namespace.slice(0, 50)}-odd`;
  await client.set(`{${namespace}:0}:exchange-orders`, "a text");
  const replayed = stage.replay(["orders", "exchange-orders"], { namespace, run: "r-1", live: true });
  await rejects(replayed, ReplayError, /no channel|is live/);
  await client.del(`{${namespace}:0}:exchange-orders`);
  await stage.replay(["orders"], { namespace, run: "r-0" });
  await client.set(`{${namespace}:0}:exchange-orders`, "a text");
  await rejects(
    stage.replay(["exchange-orders", "orders"], { namespace, run: "r-1" }),
    ReplayError,
    /is a string, not a stream/,
  );
  assert.is((await stage.replays.find("r-1"))?.state, "failed");
  assert.is((await stage.entries(namespace, "orders")).length, 2, "nothing of the refused batch was written");
  await client.del(`{${namespace}:0}:exchange-orders`);
  assert.is((await stage.replays.resume("r-1")).entries, 3);
  assert.is((await stage.entries(namespace, "exchange-orders")).length, 1);
});

test("a rehearsal counts the entries of each channel, and writes nothing", async () => {
  await using stage = new Stage();
  await trade(stage.log);
  const source = await stage.replays.open({ channels: ["orders", "exchange-orders"] });
  const request = await stage.replays.prepare(source, {});
  const { entries, unreadable, firstAt, lastAt } = await stage.replays.rehearse(source, request);
  assert.equal(
    [...entries],
    [
      ["orders", 2],
      ["exchange-orders", 1],
    ],
  );
  assert.equal([unreadable, firstAt, lastAt], [0, t0, t0 + 1]);
  assert.equal(await stage.log.client.keys(`*${request.namespace}*`), []);
  await using same = openReplays({ url: stage.log.url, namespace: stage.log.namespace });
  assert.equal(await same.list(), []);
});

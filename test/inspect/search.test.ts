/** A search through the whole log: newest first, by whatever an event is known by, with its progress, and stopped when asked. */

import * as assert from "uvu/assert";
import { type LogEntry, on, openObserver, type SearchOptions, type SearchProgress } from "../../src/index.ts";
import { open, things } from "../support/backbone.ts";
import { runCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";
import { HandWritten } from "./hand-written.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";

/** Sixty entries of three channels over two partitions, a minute apart, and one of an hour before. */
async function someEntries(log: HandWritten): Promise<void> {
  await log.describe(["a", "b", "c"], {}, 2);
  const begin = Date.now() - 3_600_000;
  await log.append("a", { id: "oldest", baggage: "user.id=ann" }, `${begin - 3_600_000}-1`, 1);
  for (let n = 0; n < 60; n++) {
    const channel = ["a", "b", "c"][n % 3] ?? "a";
    const entry = {
      id: `e-${n}`,
      baggage: `user.id=${n % 20 === 0 ? "ann" : "bob"},note=a%20b`,
      payload: { n, deep: { text: `t"${n}` } },
      traceparent: n === 30 ? `00-${trace}-00f067aa0ba902b7-01` : "",
    };
    await log.append(channel, entry, `${begin + n * 60_000}-${n + 1}`, n % 2);
  }
}

async function idsOf(log: HandWritten, query: string, options: SearchOptions = {}): Promise<readonly string[]> {
  await using observer = openObserver(log);
  const found: LogEntry[] = [];
  for await (const entry of observer.search(query, options)) found.push(entry);
  return found.map(({ envelope, entryId }) => envelope?.id ?? entryId);
}

test("finds events by attribute, id, trace, entry and payload, the newest first", async () => {
  await using log = new HandWritten();
  await someEntries(log);
  assert.equal(await idsOf(log, "user.id=ann"), ["e-40", "e-20", "e-0", "oldest"]);
  assert.equal(await idsOf(log, "e-7"), ["e-7"]);
  assert.equal(await idsOf(log, "id=e-7"), ["e-7"]);
  assert.equal(await idsOf(log, trace), ["e-30"]);
  assert.equal(await idsOf(log, `trace=${trace}`), ["e-30"]);
  assert.equal(await idsOf(log, "payload.n=7"), ["e-7"]);
  assert.equal(await idsOf(log, 'payload.deep.text=t"7'), ["e-7"]); // written with an escape
  assert.is((await idsOf(log, "note=a b")).length, 60); // likewise
  assert.equal(await idsOf(log, "user.id=nobody"), []);
});

test("ends at its limit, keeps to its channels and times, and tells how far it is", async () => {
  await using log = new HandWritten();
  await someEntries(log);
  assert.equal(await idsOf(log, "user.id=ann", { limit: 2 }), ["e-40", "e-20"]);
  assert.equal(await idsOf(log, "user.id=ann", { channels: ["b"] }), ["e-40"]);
  assert.equal(await idsOf(log, "user.id=ann", { fromMs: Date.now() - 3_700_000 }), ["e-40", "e-20", "e-0"]);
  assert.equal(await idsOf(log, "user.id=ann", { toMs: Date.now() - 3_700_000 }), ["oldest"]);
  const told: SearchProgress[] = [];
  await idsOf(log, "user.id=nobody", { onProgress: (progress) => told.push(progress) });
  const last = told.at(-1);
  assert.equal([last?.entries, last?.total], [61, 61]);
});

test("a signal stops it without an error", async () => {
  await using log = new HandWritten();
  await someEntries(log);
  const stop = new AbortController();
  const found: string[] = [];
  await using observer = openObserver(log);
  for await (const { entryId } of observer.search("note=a b", { signal: stop.signal })) {
    found.push(entryId);
    stop.abort();
  }
  assert.is(found.length, 1);
});

test("throughline search prints lines or JSON, and 1 where nothing was found", async () => {
  await using log = new HandWritten();
  await someEntries(log);
  const json = await runCommand(log, ["search", "user.id=ann", "--json", "--limit", "2"]);
  assert.equal(
    json.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).id),
    ["e-40", "e-20"],
  );
  const text = await runCommand(log, ["search", "user.id=ann", "--channel", "b"]);
  assert.match(text.out, /^b {2}\d{4}-.* e-40 /);
  const none = await runCommand(log, ["search", "user.id=nobody"]);
  assert.equal([none.code, none.out, none.err], [1, "", "No event matches user.id=nobody.\n"]);
});

test("a channel is read with a filter: the limit counts what matches, and what comes is filtered, too", async () => {
  await using log = new HandWritten();
  await someEntries(log);
  await using observer = openObserver(log);
  const read = async (options: object): Promise<readonly string[]> => {
    const ids: string[] = [];
    for await (const { envelope } of observer.read("a", options)) ids.push(envelope?.id ?? "");
    return ids;
  };
  assert.equal(await read({ where: ["user.id=ann"] }), ["oldest", "e-0"]);
  assert.equal(await read({ where: ["user.id=ann"], limit: 1, reverse: true }), ["e-0"]);
  assert.equal(await read({ where: ["user.id=ann", "payload.n=0"] }), ["e-0"]);
  const following = read({ where: ["user.id=new"], follow: true, limit: 1 });
  await log.append("a", { id: "other" });
  await log.append("a", { id: "wanted", baggage: "user.id=new" }, "*", 1);
  assert.equal(await following, ["wanted"]);
});

test("status tells what was ever appended, and which channels a component's handlers publish to", async () => {
  await using o = await open();
  const [source, output] = [things("source"), things("output")];
  const component = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, tools) => void (await tools.publish(output, payload))),
    ]),
  );
  for (let n = 0; n < 3; n++) await o.backbone.publish(source, { n });
  await component.whenIdle();
  await o.client.xtrim(o.stream(source), "MAXLEN", 1);
  const status = await eventually(async () => {
    const looked = await o.backbone.status();
    return "copier" in looked.outputs && looked;
  });
  assert.equal(status.outputs, { copier: ["output"] });
  const [row] = status.channels.filter(({ channel }) => channel === "source");
  assert.equal([row?.entries, row?.appended], [1, 3]);
});

test("dead letters are counted by kind", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  for (const [i, code] of ["A", "B", "A"].entries()) {
    await log.appendRaw(`${log.stream("orders")}:dead:algorithm`, { id: `e-${i}`, "dead-code": code }, `${i + 1}-0`);
  }
  await using o = await open({ namespace: log.namespace });
  const { total, counts } = await o.backbone.deadLetters().count();
  assert.is(total, 3);
  assert.equal(
    counts.map(({ code, count }) => [code, count]),
    [
      ["A", 2],
      ["B", 1],
    ],
  );
  assert.is((await o.backbone.deadLetters().count({ code: "B" })).total, 1);
});

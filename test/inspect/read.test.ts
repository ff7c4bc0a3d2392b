/** Reading a channel gives its entries in order, each once, in either direction and across lost connections. */

import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import type { LogEntry, ReadRange } from "../../src/inspect/entries/log-reader.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";
import { HandWritten } from "./hand-written.ts";

async function collect(log: HandWritten, channel: string, range: ReadRange = {}): Promise<readonly LogEntry[]> {
  await using observer = openObserver(log);
  return await toArray(observer.read(channel, range));
}

async function toArray(entries: AsyncIterable<LogEntry>): Promise<readonly LogEntry[]> {
  const array: LogEntry[] = [];
  for await (const entry of entries) array.push(entry);
  return array;
}

function idsOf(entries: readonly LogEntry[]): readonly string[] {
  return entries.map((entry) => entry.envelope?.id ?? "unreadable");
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `e-${i}`);
}

test("reads a range of any length forwards and backwards", async () => {
  await using log = new HandWritten();
  for (const id of numbered(2_000)) await log.append("orders", { id }, `${1_000 + Number(id.slice(2))}-0`);
  assert.equal(idsOf(await collect(log, "orders")), numbered(2_000));
  assert.equal(idsOf(await collect(log, "orders", { reverse: true })), numbered(2_000).toReversed());
  assert.equal(idsOf(await collect(log, "orders", { from: "1500", to: "1502" })), ["e-500", "e-501", "e-502"]);
  assert.equal(idsOf(await collect(log, "orders", { from: "(1500-0", limit: 1 })), ["e-501"]);
  assert.equal(idsOf(await collect(log, "orders", { reverse: true, limit: 2 })), ["e-1999", "e-1998"]);
  assert.equal(idsOf(await collect(log, "orders", { limit: 0 })), []);
  assert.equal(idsOf(await collect(log, "nothing-here")), []);
});

test("merges the partitions of a channel by entry id", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], {}, 3);
  for (const [i, id] of numbered(300).entries()) await log.append("orders", { id }, `${1_000 + i}-0`, (i * 7) % 3);
  assert.equal(idsOf(await collect(log, "orders")), numbered(300));
  assert.equal(
    idsOf(await collect(log, "orders", { reverse: true, limit: 200 })),
    numbered(300).toReversed().slice(0, 200),
  );
  const second = await collect(log, "orders", { partition: 1 });
  assert.is(second.length, 100);
  assert.ok(second.every((entry) => entry.partition === 1));
});

test("gives an entry that is no event with its problem, and goes on", async () => {
  await using log = new HandWritten();
  await log.append("orders", { id: "first" });
  await log.appendRaw(log.stream("orders"), { something: "else" });
  await log.appendRaw(log.stream("orders"), { payload: '{"by":"hand"}' });
  const [first, second, third] = await collect(log, "orders");
  assert.is(first?.envelope?.id, "first");
  assert.match(second?.problem ?? "", 'no field "payload"');
  assert.equal(second?.fields, ["something", "else"]);
  assert.is(third?.envelope?.id, `orders/${third?.entryId}`);
});

test("follows across lost connections without a missing or repeated entry", async () => {
  await using log = new HandWritten();
  await using observer = openObserver(log);
  const stop = new AbortController();
  const seen: string[] = [];
  await log.append("orders", { id: "e-0" });
  const following = (async () => {
    for await (const entry of observer.read("orders", { follow: true, signal: stop.signal })) {
      seen.push(entry.envelope?.id ?? "unreadable");
    }
  })();
  await eventually(() => seen.length === 1);
  let killed = 0;
  for (let i = 1; i < 200; i++) {
    await log.append("orders", { id: `e-${i}` });
    // Every tenth time it waits until the follower is there and then cuts it off, with entries coming before, at and after.
    if (i % 10 === 0) killed += await eventually(async () => (await killFollower(log)) || undefined);
  }
  await eventually(() => seen.length >= 200);
  stop.abort();
  await following;
  assert.equal(seen, numbered(200));
  assert.is(killed, 19);
});

test("follows from a position on", async () => {
  await using log = new HandWritten();
  await using observer = openObserver(log);
  await log.append("orders", { id: "before" }, "1000-5");
  await log.append("orders", { id: "at" }, "1000-6");
  const seen: string[] = [];
  for (const from of ["1000-6", "(1000-5"]) {
    for await (const entry of observer.read("orders", { from, follow: true, limit: 1 }))
      seen.push(entry.envelope?.id ?? "");
  }
  const waiting = toArray(observer.read("orders", { from: "2000-1", follow: true, limit: 1 }));
  await eventually(async () => (await followers(log)).length > 0);
  await log.append("orders", { id: "earlier" }, "2000-0");
  await log.append("orders", { id: "exactly" }, "2000-1");
  assert.equal([...seen, ...idsOf(await waiting)], ["at", "at", "exactly"]);
});

async function followers(log: HandWritten): Promise<readonly string[]> {
  const list = String(await log.client.client("LIST"));
  return list.split("\n").filter((line) => line.includes(`follow:${log.namespace} `) && line.includes("cmd=xread"));
}

async function killFollower(log: HandWritten): Promise<number> {
  let killed = 0;
  for (const line of await followers(log)) {
    const id = /^id=(\d+)/.exec(line)?.[1] ?? "";
    killed += Number(await log.client.client("KILL", "ID", id));
  }
  return killed;
}

/** What the scripts of slices write beside the contract: other partitions, the settlement log, evictions, state of the format before. */

import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { PayloadError } from "../../../src/model/errors.ts";
import type { Settlement } from "../../../src/ports/settle.ts";
import { parseSettlement } from "../../../src/redis/inspect/settlement-log.ts";
import { eventually } from "../../support/eventually.ts";
import { redisUrl } from "../../support/redis.ts";
import { test } from "../../support/test.ts";
import { acked, append, batch, channel, component, openStore, output, own } from "./store.ts";

test("an output lies in the partition that it names, settled in the same step", async () => {
  await using opened = await openStore({ partitions: 2 });
  const { admin, keys } = opened;
  const [id = ""] = await append(opened, "e1");
  const { session, claim } = await own(opened);
  await session.settle(claim, batch(1, [acked(id, { outputs: [output("out", "o0"), output("out", "o1", 1)] })], id));
  for (const partition of [0, 1]) {
    const [[, fields] = ["", []]] = await admin.xrange(keys.stream(partition, "out"), "-", "+");
    assert.is(fields[1], `o${partition}`);
  }
});

test("state is written once a batch, the last value of each key, and nothing of what is refused", async () => {
  await using opened = await openStore();
  const { admin, keys } = opened;
  const ids = await append(opened, ...Array.from({ length: 40 }, (_, n) => `e${n}`));
  await admin.xadd(keys.stream(0, "exhausted"), "18446744073709551615-18446744073709551615", "id", "last");
  const store = keys.state(0, component, "s");
  await admin.hset(store, "gone", "0", "kept", "0");
  const { session, claim } = await own(opened);
  const writes = (key: string, json: string | undefined) => [{ name: `s\n${key}`, store: "s", key, json }];
  const settlements = ids.map((id, n) => acked(id, { changes: writes(`k${n % 4}`, String(n)) }));
  settlements[10] = acked(ids[10] as string, { changes: writes("kept", "1"), outputs: [output("exhausted", "o1")] });
  settlements[11] = acked(ids[11] as string, { changes: writes("gone", "1") });
  settlements[12] = acked(ids[12] as string, { changes: writes("gone", undefined) });
  settlements[13] = acked(ids[13] as string, { changes: writes("new", "1") });
  settlements[14] = acked(ids[14] as string, { changes: writes("new", undefined) });
  const written: string[] = [];
  const monitor = await admin.monitor();
  monitor.on("monitor", (_time, [command, key]: string[]) => {
    if (key === store) written.push(command ?? "");
  });
  const reply = await session.settle(claim, batch(1, settlements, ids.at(-1) as string, 40));
  assert.is(reply.outcome === "settled" && reply.results.filter(({ outcome }) => outcome === "refused").length, 1);
  assert.equal(await admin.hgetall(store), { kept: "0", k0: "36", k1: "37", k2: "38", k3: "39" });
  await eventually(() => written.includes("hgetall"));
  monitor.disconnect();
  // It is asked whether the store may be written, and then written.
  assert.equal(written, ["TYPE", "HDEL", "HSET", "HDEL", "HSET", "HDEL", "hgetall"]);
});

test("a store that its user may not write is refused by itself, by name", async () => {
  await using cleaning = new AsyncDisposableStack();
  const admin = cleaning.adopt(new Redis(redisUrl(), { protocol: 2 }), (client) => client.disconnect());
  const user = `writer-${randomUUID()}`;
  cleaning.defer(async () => void (await admin.call("ACL", "DELUSER", user)));
  const writable = ["*:meta", "*:owner:*", "*:state:*:open"].map((key) => `~${key}`).join(" ");
  // HSET for some keys alone: of all that a script touches the server looks at the keys beforehand, and not at what it does with them.
  await admin.call("ACL", "SETUSER", user, "on", ">secret", "+@all", "-hset", "~*", `(+hset ${writable})`);
  const url = new URL(redisUrl());
  [url.username, url.password] = [user, "secret"];
  await using opened = await openStore({ url: url.href });
  const { keys } = opened;
  const [first = "", second = ""] = await append(opened, "e1", "e2");
  const { session, claim } = await own(opened);
  const write = (store: string) => ({ changes: [{ name: `${store}\nk`, store, key: "k", json: "1" }] });
  const settlements = [acked(first, write("shut")), acked(second, write("open"))];
  const reply = await session.settle(claim, batch(1, settlements, second, 2));
  const [shut, free] = reply.outcome === "settled" ? reply.results : [];
  assert.match(shut?.outcome === "refused" ? shut.reason : "", /:state:ledger:shut: .+/);
  assert.is(free?.outcome, "settled");
  assert.equal(await admin.hgetall(keys.state(0, component, "open")), { k: "1" });
  assert.is(await admin.exists(keys.state(0, component, "shut")), 0);
});

test("the settlement log names calls and dead letters in their order, and what was refused not", async () => {
  await using opened = await openStore();
  const { admin, keys } = opened;
  const [first = "", second = "", third = "", fourth = ""] = await append(opened, "e1", "e2", "e3", "e4");
  await admin.set(keys.stream(0, "spoiled"), "x");
  const { session, claim } = await own(opened);
  const both = { entries: [first, second].map((entryId) => ({ channel, entryId, isNoted: false })) };
  const obituary = { errorCode: "EX", error: "", attempts: 1, traceparent: "" };
  const entries = [{ channel, entryId: fourth, isNoted: false }];
  const bury: Settlement = { kind: "buried", locks: [], entries, obituary, isGone: false };
  const refused = acked(third, { outputs: [output("spoiled", "o1")] });
  await session.settle(claim, batch(1, [bury, acked(first, both), refused], fourth, 4));
  const rows = await admin.xrange(keys.settled(0, component), "-", "+");
  const calls = rows.flatMap(([entryId, fields]) => parseSettlement(keys, 0, component, entryId, fields).calls);
  const [[deadId] = [""]] = await admin.xrange(keys.dead(0, channel, component), "-", "+");
  assert.equal(calls, [
    { channel, entryIds: [fourth], outcome: "deadLettered", deadId },
    { channel, entryIds: [first, second], outcome: "acked" },
  ]);
});

test("the settlement log tells how handlers ran: those that were acknowledged in a word each, those that failed in full", async () => {
  await using opened = await openStore();
  const { admin, keys } = opened;
  const [first = "", second = "", third = ""] = await append(opened, "e1", "e2", "e3");
  const { session, claim } = await own(opened);
  const { epoch } = claim;
  const ran = { startedMs: 1_000, attempt: 1, claimed: false, run: 0, epoch };
  const again = { startedMs: 1_036, attempt: 3, claimed: true, run: 2, epoch: epoch - 1 };
  const entries = [{ channel, entryId: third, isNoted: false }];
  const failed = { ran, outcome: "retried", entries, error: new PayloadError(channel, []) } as const;
  const parked: Settlement = { kind: "parked", locks: [], entries, attempt: 1, delayMs: 60_000, failed };
  const ended = { ran, outcome: "conflict", entries, endedMs: 1_010, error: undefined } as const;
  const settlements = [acked(first, { ran }), acked(second, { ran: again }), parked];
  await session.settle(claim, { ...batch(1, settlements, third, 3), at: 1_040, ended: [ended] });
  await session.settle(claim, batch(2, [acked(first)], third, 3));
  const rows = await admin.xrange(keys.settled(0, component), "-", "+");
  const [told, later] = rows.map(([entryId, fields]) => parseSettlement(keys, 0, component, entryId, fields));
  assert.equal(
    told?.calls.map(({ run }) => run),
    [
      { tookMs: 40, attempt: 1, run: 0, claimed: false },
      { tookMs: 4, attempt: 3, run: 2, claimed: true, epoch: epoch - 1 },
    ],
  );
  const asNoted = { channel, entryIds: [third], tookMs: 40, attempt: 1, run: 0, claimed: false, epoch };
  assert.equal(told?.failed, [
    { outcome: "conflict", ...asNoted, endedAgoMs: 30 },
    { outcome: "retried", ...asNoted, errorType: "THROUGHLINE_PAYLOAD", error: told?.failed?.[1]?.error },
  ]);
  assert.equal(told?.owner, { member: claim.owner.split("/")[0], epoch });
  assert.is(later?.owner, undefined);
  const word = rows[0]?.[1].at(3);
  assert.is(word, `14 4.3*2!@${epoch - 1}`);
});

test("a full channel that makes room for outputs says what it has evicted", async () => {
  await using opened = await openStore();
  const { admin, keys } = opened;
  const [id = ""] = await append(opened, "e1");
  const { session, claim } = await own(opened);
  const outputs = ["o1", "o2", "o3"].map((name) => output("out", name, 0, -2));
  await session.settle(claim, batch(1, [acked(id, { outputs })], id));
  assert.equal(opened.evicted, [{ channel: "out", partition: 0, removed: 1, unfinished: 0 }]);
  assert.is(await admin.xlen(keys.stream(0, "out")), 2);
});

test("state is written as JSON; what was written with a version before it is read without", async () => {
  await using opened = await openStore();
  const { admin, keys } = opened;
  const [id = ""] = await append(opened, "e1");
  await admin.hset(keys.state(0, component, "book"), "old", 'q3x_-Z.1f {"a":"b c"}', "number", "1.5");
  const { session, claim } = await own(opened);
  const changes = [{ store: "book", key: "new", json: '{"a":1}' }];
  await session.settle(claim, batch(1, [acked(id, { changes })], id));
  assert.is(await admin.hget(keys.state(0, component, "book"), "new"), '{"a":1}');
  const read = await session.readState(["old", "number", "new"].map((key) => ({ store: "book", key })));
  assert.equal(read, ['{"a":"b c"}', "1.5", '{"a":1}']);
});

test("a duty without channels is owned like a slice", async () => {
  await using opened = await openStore();
  const { session, claim } = await own(opened, 0, []);
  assert.equal(await session.renew(claim, [], []), { outcome: "renewed", wanted: "", remade: [] });
  assert.is(await session.release(claim, 0), true);
});

test("a row of another type, or edited by hand, is refused or fenced", async () => {
  await using opened = await openStore();
  const { admin, keys } = opened;
  const [id = ""] = await append(opened, "e1");
  const { session, claim } = await own(opened);
  const row = keys.owner(0, component);
  await admin.hset(row, "epoch", "rubbish");
  assert.is((await session.renew(claim, [], [])).outcome, "fenced");
  await admin.del(row);
  assert.equal(await session.settle(claim, batch(1, [acked(id)], id)), { outcome: "fenced", row: undefined });
  const { start } = await own(opened);
  assert.is(start.became, "again", "its group tells where it stood");
  await admin.set(row, "x");
  assert.is((await session.settle(claim, batch(1, [acked(id)], id))).outcome, "refused");
  const error = await session.renew(claim, [], []).catch((reason: unknown) => reason);
  assert.match(String(error), /WRONGTYPE/);
});

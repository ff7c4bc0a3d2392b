/** The status counts entries even where Redis cannot, and names components that no member serves. */

import * as assert from "uvu/assert";
import {
  type BackboneStatus,
  type ConsumptionStatus,
  readStatus,
  type StatusOptions,
} from "../../src/inspect/status/status.ts";
import { renderStatus } from "../../src/inspect/status/status-text.ts";
import { RedisInspector } from "../../src/redis/inspect/inspector.ts";
import { test } from "../support/test.ts";
import { HandWritten } from "./hand-written.ts";

async function statusOf(log: HandWritten, options: StatusOptions = {}): Promise<BackboneStatus> {
  const nothing = (): void => undefined;
  const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  await using inspector = new RedisInspector({ ...log, log: silent });
  return await readStatus(inspector, options);
}

function consumption(status: BackboneStatus, component: string, channel = "orders"): ConsumptionStatus | undefined {
  return status.components.find((c) => c.component === component)?.channels.find((c) => c.channel === channel);
}

test("tells the position, lag, open, parked and lost entries of each component by its row", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "unused"], { algorithm: "orders" });
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) ids.push(await log.append("orders", { id: `e-${i}` }));
  const [, parked = "", refused = "", open = "", , at = "", , late = ""] = ids;
  await log.group("orders", "algorithm", at);
  await log.row("algorithm", { orders: { at, open: `!${refused} ${open}`, lost: 3 } }, { owner: "m-1/token" });
  await log.park("orders", "algorithm", parked, 1);
  await log.show("orders", "algorithm", "parked", parked);
  await log.show("orders", "algorithm", "m-1", open, late);
  await log.appendRaw(`${log.stream("orders")}:dead:algorithm`, { payload: "{}", "dead-entry": "1-0" });

  const status = await statusOf(log);
  assert.equal(
    status.channels.map(({ channel, entries, lastEntryId }) => ({ channel, entries, lastEntryId })),
    [{ channel: "orders", entries: 10, lastEntryId: ids[9] }],
  );
  const { lagMs = -1, oldestPendingMs = -1, ...counts } = consumption(status, "algorithm") ?? {};
  assert.equal(counts, {
    channel: "orders",
    position: at,
    lagEntries: 4,
    lagExact: true,
    pending: 3, // two before the position, and one after it that is shown as long under way
    parked: 1,
    deadLetters: 1,
    lost: 3,
    dropped: false,
    oldestUnfinishedId: parked,
  });
  assert.ok(lagMs >= 0 && lagMs < 60_000 && oldestPendingMs >= lagMs);
  assert.match(renderStatus(status), new RegExp(`algorithm +orders +${at} +4 +\\d`));
});

test("tells the same by the group alone where no owner was ever there", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push(await log.append("orders", { id: `e-${i}` }));
  await log.group("orders", "algorithm");
  await log.deliver("orders", "algorithm", "m-1", 3);
  await log.client.xack(log.stream("orders"), "algorithm", ids[1] ?? "");
  const { position, lagEntries, pending, oldestUnfinishedId } = consumption(await statusOf(log), "algorithm") ?? {};
  assert.equal([position, lagEntries, pending, oldestUnfinishedId], [ids[2], 2, 2, ids[0]]);
});

test("goes by the row where the group is gone, and where the stream is another one than the row's", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "anew"], { algorithm: "orders,anew" });
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push(await log.append("orders", { id: `e-${i}` }));
  await log.append("anew", { id: "first" }, "1000-0");
  await log.row("algorithm", { orders: { at: ids[1] ?? "" }, anew: { at: "9000-0", open: "8000-0" } });
  const status = await statusOf(log);
  const [orders, anew] = ["orders", "anew"].map((channel) => consumption(status, "algorithm", channel));
  assert.equal([orders?.position, orders?.lagEntries, orders?.oldestUnfinishedId], [ids[1], 3, ids[2]]);
  assert.equal([anew?.position, anew?.lagEntries, anew?.pending, anew?.oldestUnfinishedId], ["0-0", 1, 0, "1000-0"]);
});

test("tells by name of a channel whose key is no stream, and of the others as ever", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "spoiled"], { algorithm: "orders,spoiled" });
  await log.append("orders", { id: "e-0" });
  await log.group("orders", "algorithm");
  await log.client.set(log.stream("spoiled"), "text");
  const status = await statusOf(log);
  assert.equal(
    status.channels.map(({ channel, entries, lastEntryId }) => [channel, entries, lastEntryId === null]),
    [
      ["orders", 1, false],
      ["spoiled", 0, true],
    ],
  );
  const [orders, spoiled] = status.channels;
  assert.is(orders?.refusal, null);
  assert.match(spoiled?.refusal ?? "", new RegExp(`XINFO STREAM ${log.stream("spoiled")}: WRONGTYPE`));
  assert.is(consumption(status, "algorithm")?.lagEntries, 1);
  assert.is(consumption(status, "algorithm", "spoiled"), undefined);
  assert.match(renderStatus(status), /^spoiled CANNOT BE READ: .*WRONGTYPE/m);
});

test("tells of a channel's entries where the key of its dead letters is no stream", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  await log.append("orders", { id: "e-0" });
  await log.group("orders", "algorithm");
  await log.client.set(`${log.stream("orders")}:dead:algorithm`, "text");
  const [orders] = (await statusOf(log)).channels;
  assert.is(orders?.entries, 1);
  assert.match(orders?.refusal ?? "", /XLEN .*:dead:algorithm: WRONGTYPE/);
});

test("names the owner of each partition, since when, and who stands by", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders", sender: "orders" }, 3);
  const now = await log.serverTime();
  const about = JSON.stringify({ host: "h", pid: 7, startedAt: new Date(5_000).toISOString() });
  await log.beat("algorithm", "m-1", now, { about });
  await log.beat("algorithm", "m-2", now - 1_000);
  await log.beat("algorithm", "m-3", now - 60_000);
  await log.beat("algorithm", "m-4", now, { hasLeft: true });
  const epoch = now - 30_000;
  await log.row("algorithm", {}, { partition: 0, owner: "m-1/t", epoch, wanted: "m-2" });
  await log.row("algorithm", {}, { partition: 1, owner: "m-3/t", deaths: 2 });
  await log.row("algorithm", {}, { partition: 2 });
  const status = await statusOf(log);
  const algorithm = status.components.filter(({ component }) => component === "algorithm");
  assert.equal(
    algorithm.map(({ partition, state, owner, standBy }) => [partition, state, owner?.member, owner?.live, standBy]),
    [
      [0, "served", "m-1", true, ["m-2"]],
      [1, "unserved", "m-3", false, ["m-1", "m-2"]],
      [2, "unserved", undefined, undefined, ["m-1", "m-2"]],
    ],
  );
  const [{ owner } = { owner: null }] = algorithm;
  assert.equal(owner, { member: "m-1", live: true, epoch, since: epoch, wanted: "m-2", deaths: 0 });
  assert.equal(
    status.members.map(({ member, live, owned, host, pid, startedAt }) => [member, live, owned, host, pid, startedAt]),
    [
      ["m-1", true, [0], "h", 7, 5_000],
      ["m-2", true, [], null, null, null],
      ["m-3", false, [1], null, null, null],
    ],
  );
  const text = renderStatus(status);
  assert.match(text, new RegExp(`algorithm 0 +m-1, to go to m-2 +${epoch} +3\\d\\.\\d s ago +m-2 *$`, "m"));
  assert.match(text, /algorithm 1 +m-3, silent +\d+ .* ago +m-1, m-2 *$/m);
  assert.match(text, /algorithm +m-1 +h 7 .* ago +0 *$/m);
  assert.match(text, /algorithm +m-2 +- .* ago +stands by *$/m);
  assert.match(text, /algorithm has lost 2 owners at one entry/);
  assert.match(text, /No live member owns partition 2 of algorithm; 2 could take it/);
  assert.match(text, /^sender has no live member \(no member on record\)\.$/m);
  assert.not.match(text, /With one partition/);
});

test("says of one partition what it means, and what to do about it", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  const now = await log.serverTime();
  for (const member of ["m-1", "m-2"]) await log.beat("algorithm", member, now);
  await log.row("algorithm", {}, { owner: "m-1/t" });
  assert.match(
    renderStatus(await statusOf(log)),
    /^With one partition each component has one owner, and its other members stand by\..*$/m,
  );
});

test("counts the lag itself where Redis cannot tell it", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  for (let i = 0; i < 350; i++) await log.append("orders", { id: `e-${i}` }, `${1_000 + i}-0`);
  await log.group("orders", "from-the-middle", "1099-0");
  await log.group("orders", "from-before", "500-0");
  await log.client.xdel(log.stream("orders"), "1200-0");
  await log.group("orders", "at-the-end", "$");
  const raw = (await log.client.xinfo("GROUPS", log.stream("orders"))) as unknown[][];
  assert.ok(raw.some((group) => group[group.indexOf("lag") + 1] === null));
  const status = await statusOf(log);
  assert.is(consumption(status, "from-the-middle")?.lagEntries, 249);
  assert.is(consumption(status, "from-before")?.lagEntries, 349);
  assert.is(consumption(status, "at-the-end")?.lagEntries, 0);
});

test("calls a component abandoned only when nobody has come for long and something waits", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { waiting: "orders", done: "orders", young: "orders" });
  await log.append("orders", { id: "old" }, "1000-0");
  await log.group("orders", "waiting");
  await log.group("orders", "done");
  await log.settle("orders", "done", 1);
  await log.group("orders", "young");
  await log.deliver("orders", "young", "m", 1);
  const status = await statusOf(log);
  const states = Object.fromEntries(status.components.map((c) => [c.component, c.state]));
  assert.equal(states, { waiting: "abandoned", done: "unserved", young: "unserved" });
  assert.match(renderStatus(status), /waiting is ABANDONED .*orders from 1000-0 on \(1 unread, 0 open\)/);
});

test("names a group on a channel that its component no longer subscribes to, unless a live member reads it", async () => {
  await using log = new HandWritten();
  await log.describe(["kept", "dropped", "read"], { algorithm: "kept" });
  const now = await log.serverTime();
  for (const member of ["new-member", "old-member"]) await log.beat("algorithm", member, now);
  await log.row("algorithm", {}, { owner: "new-member/t" });
  for (const channel of ["kept", "dropped", "read"]) {
    await log.append(channel, { id: channel }, "1000-0");
    await log.append(channel, { id: `${channel}2` }, "2000-0");
    await log.group(channel, "algorithm");
  }
  await log.deliver("dropped", "algorithm", "gone-member", 1);
  await log.deliver("read", "algorithm", "old-member", 1); // in a rolling deploy
  const status = await statusOf(log);
  assert.is(status.components[0]?.state, "served");
  assert.equal(
    status.components[0]?.channels.map(({ channel, dropped }) => [channel, dropped]),
    [
      ["dropped", true],
      ["kept", false],
      ["read", false],
    ],
  );
  assert.match(
    renderStatus(status),
    /algorithm does NOT SUBSCRIBE to dropped any more; its group there holds back what is from 1000-0 on \(1 unread, 1 open\).*retire algorithm --channel dropped$/m,
  );
});

test("reports every partition", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], {}, 2);
  await log.append("orders", { id: "zero" }, "*", 0);
  await log.append("orders", { id: "one" }, "*", 1);
  await log.append("orders", { id: "two" }, "*", 1);
  const status = await statusOf(log);
  assert.equal(
    status.channels.map(({ partition, entries }) => ({ partition, entries })),
    [
      { partition: 0, entries: 1 },
      { partition: 1, entries: 2 },
    ],
  );
});

test("writes nothing", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  await log.append("orders", { id: "e" });
  await log.group("orders", "algorithm");
  const keysOf = async (): Promise<readonly string[]> => (await log.client.keys(`*${log.namespace}*`)).sort();
  const before = await Promise.all([keysOf(), log.client.dump(log.stream("orders"))]);
  await statusOf(log);
  assert.equal(await Promise.all([keysOf(), log.client.dump(log.stream("orders"))]), before);
});

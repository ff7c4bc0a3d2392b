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

test("counts entries, lag, pending, parked and dead letters by component", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "unused"], { algorithm: "orders" });
  const ids = [];
  for (let i = 0; i < 10; i++) ids.push(await log.append("orders", { id: `e-${i}` }));
  await log.group("orders", "algorithm");
  await log.deliver("orders", "algorithm", "m-1", 4);
  await log.deliver("orders", "algorithm", "m-2", 2);
  const stream = log.stream("orders");
  await log.client.xack(stream, "algorithm", ids[0] ?? "");
  await log.client.xclaim(stream, "algorithm", "parked", 0, ids[1] ?? "", "JUSTID");
  await log.client.zadd(`${stream}:parked:algorithm`, 1, ids[1] ?? "");
  await log.client.xclaim(stream, "algorithm", "released", 0, ids[2] ?? "", "JUSTID");
  await log.appendRaw(`${stream}:dead:algorithm`, { payload: "{}", "dead-entry": "1-0" });
  await log.client.zadd(`{${log.namespace}:0}:members:algorithm`, await log.serverTime(), "m-1", 1_000, "m-2");

  const status = await statusOf(log);
  assert.equal(
    status.channels.map(({ channel, entries, lastEntryId }) => ({ channel, entries, lastEntryId })),
    [{ channel: "orders", entries: 10, lastEntryId: ids[9] }],
  );
  const { lagMs = -1, oldestPendingMs = -1, ...counts } = consumption(status, "algorithm") ?? {};
  assert.equal(counts, {
    channel: "orders",
    lagEntries: 4,
    lagExact: true,
    pending: 4,
    parked: 1,
    deadLetters: 1,
    lost: 0,
    lastDeliveredId: ids[5],
    dropped: false,
    oldestUnfinishedId: ids[1],
  });
  assert.ok(lagMs >= 0 && lagMs < 60_000 && oldestPendingMs >= lagMs);
  const [component] = status.components;
  assert.is(component?.state, "served");
  assert.equal(
    component?.members.map(({ member, live, pending }) => ({ member, live, pending })),
    [
      { member: "m-1", live: true, pending: 1 },
      { member: "m-2", live: false, pending: 2 },
    ],
  );
  const text = renderStatus(status);
  assert.match(text, /algorithm +orders +4 +\d/);
  assert.match(text, /m-2 .*silent/);
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
  await log.client.zadd(`{${log.namespace}:0}:members:algorithm`, now, "new-member", now, "old-member");
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

/** `throughline component retire` as a person or a script meets it. */

import * as assert from "uvu/assert";
import { scripts } from "../../src/redis/store/scripts.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { type CommandEnd, runCommand } from "../support/command.ts";
import { test } from "../support/test.ts";

const retire = (log: HandWritten, ...args: readonly string[]): Promise<CommandEnd> =>
  runCommand(log, ["component", "retire", ...args]);

/** "algorithm" and "other" on two channels, with all that members leave in Redis. */
async function twoComponents(log: HandWritten): Promise<void> {
  await log.describe(["orders", "fills"], { algorithm: "orders,fills", other: "orders,fills" });
  for (const component of ["algorithm", "other"]) {
    for (const channel of ["orders", "fills"]) {
      await log.group(channel, component);
      await log.client.hset(`${log.stream(channel)}:attempts:${component}`, "1-0", "1:0:1");
      await log.client.zadd(`${log.stream(channel)}:parked:${component}`, 1, "1-0");
    }
    await log.client.hset(log.stream(`state:${component}:counts`), "all", "1 1");
  }
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push(await log.append("orders", { id: `e-${n}` }));
  const [at = ""] = await log.deliver("orders", "algorithm", "gone", 1);
  await log.row(
    "algorithm",
    { orders: { at, open: at, lost: 1 }, fills: { at: "0-0", lost: 1 } },
    { owner: "gone/token" },
  );
  await log.row("other", { orders: { at: "0-0" }, fills: { at: "0-0" } });
}

const groupsOf = async (log: HandWritten, channel: string): Promise<readonly string[]> =>
  ((await log.client.xinfo("GROUPS", log.stream(channel))) as unknown[][]).map((row) => String(row[1])).sort();

/** Every key that names the component. */
const keysOf = async (log: HandWritten, component: string): Promise<readonly string[]> =>
  (await log.client.keys(`{${log.namespace}:*:${component}*`)).map((key) => key.slice(key.indexOf("}:") + 2)).sort();

test("removes all groups of a component with their records, and leaves its state and other components alone", async () => {
  await using log = new HandWritten();
  await twoComponents(log);
  const others = await keysOf(log, "other");
  const dry = await retire(log, "algorithm", "--dry-run");
  assert.equal(
    [dry.code, dry.out, dry.err],
    [
      0,
      "fills: 0 unread, 1 open; nobody will handle them\norders: 2 unread, 2 open; nobody will handle them\n2 groups would be removed.\n",
      "",
    ],
  );
  const asked = await retire(log, "algorithm");
  assert.equal([asked.code, asked.out], [2, ""]);
  assert.match(asked.err, /this would retire component "algorithm": add --yes, or look first with --dry-run/);
  assert.equal(await groupsOf(log, "orders"), ["algorithm", "other"]);
  const done = await retire(log, "algorithm", "--yes", "--json");
  assert.equal(JSON.parse(done.out), {
    action: "retire",
    dryRun: false,
    component: "algorithm",
    channel: null,
    groups: [
      { channel: "fills", partition: 0, unread: 0, unreadExact: true, open: 1 },
      { channel: "orders", partition: 0, unread: 2, unreadExact: true, open: 2 },
    ],
  });
  assert.equal(await groupsOf(log, "orders"), ["other"]);
  assert.equal(await groupsOf(log, "fills"), ["other"]);
  assert.equal(await keysOf(log, "algorithm"), ["state:algorithm:counts"]);
  assert.equal(await keysOf(log, "other"), others);
  assert.is(await log.client.hget(`${log.namespace}:meta`, "component:algorithm"), null);
  const again = await retire(log, "algorithm", "--yes");
  assert.equal([again.code, again.out], [1, ""]);
  assert.match(again.err, /there is nothing of a component "algorithm"/);
});

test("removes the group on one channel while the component is served on others", async () => {
  await using log = new HandWritten();
  await twoComponents(log);
  using _member = await log.living("algorithm", "living");
  const refused = await retire(log, "algorithm", "--channel", "orders", "--yes");
  assert.equal([refused.code, refused.out], [1, ""]);
  assert.match(
    refused.err,
    /"algorithm" is served by "living".*without a subscription to "orders".*Nothing was removed/,
  );
  assert.match((await retire(log, "algorithm", "--yes")).err, /is served by "living".*stop its members first/);
  await log.client.hset(`${log.namespace}:meta`, "component:algorithm", "fills");
  const done = await retire(log, "algorithm", "--channel", "orders", "--yes");
  assert.equal(
    [done.code, done.out, done.err],
    [0, "orders: 2 unread, 2 open; nobody will handle them\n1 group removed.\n", ""],
  );
  assert.equal([await groupsOf(log, "orders"), await groupsOf(log, "fills")], [["other"], ["algorithm", "other"]]);
  assert.equal(await keysOf(log, "algorithm"), [
    "algorithm", // the members' beats
    "fills:attempts:algorithm",
    "fills:parked:algorithm",
    "owner:algorithm",
    "state:algorithm:counts",
  ]);
  const fields = await log.client.hkeys(log.stream("owner:algorithm"));
  assert.equal(
    fields.filter((field) => field.includes(":")),
    ["at:fills", "read:fills", "open:fills", "lost:fills"],
  );
});

test("does not take a group from a member that lives and has read in it, whatever the description says", async () => {
  await using log = new HandWritten();
  await twoComponents(log);
  await log.client.hset(`${log.namespace}:meta`, "component:algorithm", "fills");
  using _member = await log.living("algorithm", "gone"); // it lives after all
  const refused = await retire(log, "algorithm", "--channel", "orders", "--yes");
  assert.match(refused.err, /is served by "gone"/);
  assert.equal(await groupsOf(log, "orders"), ["algorithm", "other"]);
});

test("does not retire a component whose row has changed since its members were looked at", async () => {
  await using log = new HandWritten();
  await twoComponents(log);
  const run = (seenBeat: string): Promise<unknown> =>
    log.client.eval(scripts.retire.source, 1, log.stream("owner:algorithm"), "algorithm", "1", seenBeat, 0);
  assert.is(await run("0"), "gone");
  assert.ok((await keysOf(log, "algorithm")).includes("owner:algorithm"));
  assert.is(await run("1"), "");
  assert.not.ok((await keysOf(log, "algorithm")).includes("owner:algorithm"));
});

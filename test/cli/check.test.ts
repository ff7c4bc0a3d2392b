/** `throughline check` says before a deploy which entries of the log the new code would not take. */

import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
import { type CommandEnd, runCommand } from "../support/command.ts";
import { test } from "../support/test.ts";

const deployed = "test/fixtures/deployed-channels.ts";

const check = (log: HandWritten, ...args: readonly string[]): Promise<CommandEnd> =>
  runCommand(log, ["check", ...args]);

async function withLog(log: HandWritten): Promise<void> {
  await log.describe(["orders", "payments"], {});
  const write = (channel: string, at: number, payload: unknown, version = ""): Promise<string> => {
    const fields = { id: `e-${at}`, payload: JSON.stringify(payload), ...(version === "" ? {} : { version }) };
    return log.appendRaw(log.stream(channel), fields, `${at}-0`);
  };
  await write("orders", 1, { id: "a" });
  await write("orders", 2, { id: "odd" });
  await write("orders", 3, { id: "b", size: 3 }, "2");
  await write("orders", 4, { id: "c", size: "3" }, "2");
  await write("orders", 5, { id: "d" }, "3");
  await write("orders", 6, { id: "d" }, "two");
  await write("payments", 7, { cents: 1 });
}

test("counts by channel and version what would not pass, with ids and reasons, and ends with 1", async () => {
  await using log = new HandWritten();
  await withLog(log);
  const { code, out, err } = await check(log, deployed);
  assert.is(code, 1, err);
  assert.match(out, /orders +1 +2 +2 +1 *\n/);
  assert.match(out, /orders 2-0 {2}e-2 {2}.*version 1, upcast to 2: .*threw: it has no size/);
  assert.match(out, /orders 4-0 {2}e-4 {2}.*size: /);
  assert.match(out, /orders 5-0 {2}e-5 {2}.*has version 3, and this code knows the channel up to 2/);
  assert.match(out, /orders 6-0 .*its version is "two"/);
  assert.match(out, /payments +1 +1 +1 +0 *\n/);
  assert.match(out, /4 of 7 entries would not pass\./);
  const json = await check(log, deployed, "--json", "--ids", "0");
  assert.is(json.code, 1);
  assert.equal(JSON.parse(json.out), {
    versions: [
      { channel: "orders", deployed: 2, entries: 1, refused: 1, first: [] },
      { channel: "orders", version: 1, deployed: 2, entries: 2, refused: 1, first: [] },
      { channel: "orders", version: 2, deployed: 2, entries: 2, refused: 1, first: [] },
      { channel: "orders", version: 3, deployed: 2, entries: 1, refused: 1, first: [] },
      { channel: "payments", version: 1, deployed: 1, entries: 1, refused: 0, first: [] },
    ],
    entries: 7,
    refused: 4,
  });
  assert.match((await check(log, deployed, "--ids", "0")).out, /orders: and 1 more/);
});

test("ends with 0 where all of it passes, and writes nothing", async () => {
  await using log = new HandWritten();
  await withLog(log);
  const keys = async (): Promise<readonly string[]> => (await log.client.keys(`*${log.namespace}*`)).sort();
  const before = await keys();
  const { code, out } = await check(log, deployed, "--from", "7");
  assert.is(code, 0, out);
  assert.match(out, /All 1 entries pass\./);
  assert.equal(await keys(), before);
  assert.is(await log.client.xlen(log.stream("payments")), 1);
});

test("ends with 2 where it is called wrongly, and with 1 where nothing is there", async () => {
  await using log = new HandWritten();
  for (const [args, reason] of [
    [[], /which channels\?/],
    [["no-such-file.ts"], /no-such-file\.ts cannot be loaded/],
    [["src/model/names.ts"], /exports no channels/],
  ] as const) {
    const { code, err } = await check(log, ...args);
    assert.is(code, 2, err);
    assert.match(err, reason);
  }
  const unused = await check(log, deployed);
  assert.is(unused.code, 1);
  assert.match(unused.err, /namespace/);
});

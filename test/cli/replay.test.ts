/** `throughline replay` and `replays` as a person or a script meets them. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { HandWritten } from "../inspect/hand-written.ts";
import { Stage } from "../replay/stage.ts";
import { type CommandEnd, runCommand, tradingPlugIn } from "../support/command.ts";
import { test } from "../support/test.ts";

const t0 = 1_700_000_000_000;

/** Each starts a dozen processes or so, one after the other. */
function slowTest(name: string, run: () => Promise<void>): void {
  test(name, run, { timeoutMs: 120_000 });
}

async function orders(log: HandWritten, count = 3): Promise<void> {
  await log.describe(["orders"]);
  for (let i = 0; i < count; i++) {
    await log.append("orders", { id: `o-${i}`, baggage: `client.order_id=c-${i}` }, `${t0 + 1_000 * i}-0`);
  }
}

const run = (log: HandWritten, ...args: readonly string[]): Promise<CommandEnd> =>
  runCommand(log, args, { plugIn: tradingPlugIn });

slowTest("replay goes into a shadow that it names, and journey shows both sides of it", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await orders(log);
  const { code, out, err } = await run(log, "replay", "orders", "--speed", "max");
  assert.is(code, 0, err);
  const [, id = ""] = /^Run (\S+):/.exec(err) ?? [];
  const [, shadow = ""] = /Republished 3 events into namespace (\S+) in/.exec(out) ?? [];
  assert.ok(shadow.endsWith(id), out);
  assert.is((await stage.entries(shadow, "orders")).length, 3);

  const original = await run(log, "journey", "client.order_id=c-1");
  assert.match(original.out, new RegExp(`↻ replayed \\S+ by ${id}: \\S+ in ${shadow} orders`));
  assert.match(original.out, /^client\.order_id=c-1: 1 event in/);
  const replayed = await run(log, "journey", "client.order_id=c-1", "--namespace", shadow);
  assert.match(replayed.out, `replay ${id} of o-1`);
  const json = JSON.parse((await run(log, "journey", "o-1", "--json")).out);
  const [place] = json.beginnings[0].replays;
  assert.equal([place.run, place.namespace, place.channel], [id, shadow, "orders"]);
});

slowTest("replay in the same namespace is a story of its own, which journey tells apart", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await log.describe(["orders", "fills", "again"]);
  await log.append("orders", { id: "o" }, `${t0}-0`);
  await log.append("fills", { id: "f", causes: ["o"] }, `${t0 + 5}-0`);
  const { namespace } = log;
  const args = ["replay", "orders", "--into", "again", "--namespace", namespace, "--speed", "max"];
  const refused = await run(log, ...args);
  assert.is(refused.code, 1);
  assert.match(refused.err, `namespace "${namespace}" is live`);
  const unsure = await run(log, ...args, "--live");
  assert.is(unsure.code, 2, "nobody can be asked here");
  assert.is(await log.client.xlen(log.stream("again")), 0);
  const { code, err } = await run(log, ...args, "--live", "--yes");
  assert.is(code, 0, err);
  const { beginnings, events } = JSON.parse((await run(log, "journey", "o", "--json")).out);
  assert.is(events, 2);
  assert.is(beginnings[0].children[0].event.id, "f");
  assert.is(beginnings[0].replays[0].channel, "again");
  const copy = JSON.parse((await run(log, "journey", beginnings[0].replays[0].id, "--json")).out);
  assert.equal([copy.events, copy.beginnings[0].replayOf.originalId], [1, "o"]);
});

slowTest("--dry-run prints the number of entries for each channel, and the duration", async () => {
  await using stage = new Stage();
  await orders(stage.log);
  const { code, out } = await run(stage.log, "replay", "orders", "--into", "other", "--speed", "2", "--dry-run");
  assert.is(code, 0);
  assert.match(out, /3 of orders in other/);
  assert.match(out, /would take 1\.0 s/);
  const json = JSON.parse((await run(stage.log, "replay", "orders", "--dry-run", "--json")).out);
  assert.equal(json.counts, [{ channel: "orders", into: "orders", entries: 3 }]);
  assert.equal(await stage.log.client.keys(`*${stage.log.namespace}-replay*`), []);
  const none = await run(stage.log, "replays");
  assert.equal([none.code, none.err], [1, "There are no replays of this namespace.\n"]);
});

slowTest("replays a recording, or some of its channels, and knows it again when it resumes", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await orders(log);
  await log.describe(["fills"]);
  await log.append("fills", { id: "f", causes: ["o-1"] }, `${t0 + 1_500}-0`);
  const directory = await mkdtemp(join(tmpdir(), "throughline-replay-"));
  try {
    const file = join(directory, "morning.ndjson.gz");
    const recorded = await run(log, "record", "orders", "fills", "-o", file);
    assert.is(recorded.code, 0, recorded.err);
    const { code, out, err } = await run(log, "replay", file, "--speed", "max", "--json");
    assert.is(code, 0, err);
    const { namespace, entries, run: id } = JSON.parse(out);
    assert.is(entries, 4);
    assert.is((await stage.entries(namespace, "fills")).length, 1);
    const some = JSON.parse((await run(log, "replay", file, "--channel", "fills", "--speed", "max", "--json")).out);
    assert.equal([some.entries, some.channels], [1, ["fills"]]);
    const [fill] = await stage.entries(some.namespace, "fills");
    assert.match(fill?.["causes"] ?? "", new RegExp(`^replay:${some.run}( \\S+)?,f,o-1$`));

    const unknown = await run(log, "replay", file, "--channel", "nothing");
    assert.equal([unknown.code, /has no channel "nothing"/.test(unknown.err)], [1, true], unknown.err);
    assert.is((await run(log, "replay", "--resume", id)).code, 0);
    assert.is((await run(log, "replay", "fills", "--resume", id)).code, 2, "another source than it began with");
    await rm(file);
    await run(log, "record", "orders", "fills", "-o", file);
    const other = await run(log, "replay", "--resume", id);
    assert.equal([other.code, /no longer the recording/.test(other.err)], [1, true], other.err);
  } finally {
    await rm(directory, { recursive: true });
  }
});

slowTest("a bad command line is one line and exit code 2; a source that does not exist is one line and 1", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await orders(log);
  const wrong: readonly (readonly string[])[] = [
    ["replay"],
    ["replay", "Orders"],
    ["replay", "orders", "--speed", "fast"],
    ["replay", "orders", "--speed", "0"],
    ["replay", "orders", "--where", "nothing"],
    ["replay", "orders", "--from", "yesterday"],
    ["replay", "orders", "--channel", "orders"],
    ["replay", "a.ndjson", "orders"],
    ["replays", "cancel"],
  ];
  const missing: readonly (readonly string[])[] = [
    ["replay", "nothing"],
    ["replay", "./nothing.ndjson"],
    ["replay", "--resume", "r-nothing"],
    ["replay", "orders", "--into", "Wrong Name"],
    ["replays", "r-nothing"],
    ["replays", "cancel", "r-nothing"],
  ];
  const cases = [...wrong.map((args) => ({ args, expected: 2 })), ...missing.map((args) => ({ args, expected: 1 }))];
  // A few at a time: each is a process of its own.
  const results = [];
  for (let i = 0; i < cases.length; i += 4) {
    const some = cases.slice(i, i + 4).map(async (one) => ({ ...one, ...(await run(log, ...one.args)) }));
    results.push(...(await Promise.all(some)));
  }
  for (const { args, expected, code, out, err } of results) {
    assert.is(code, expected, `${args.join(" ")}: ${err}`);
    assert.is(out, "", args.join(" "));
    assert.is(err.trimEnd().split("\n").length, 1, err);
  }
});

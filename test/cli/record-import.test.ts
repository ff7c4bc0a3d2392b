/** `throughline record` and `throughline import` as a person has them: what they print, and with which exit codes they end. */

import { writeFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
import { entryIds, header, makeDirectory } from "../replay/recording-files.ts";
import { type CommandEnd, runCommand, tradingPlugIn } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { freshNamespace } from "../support/redis.ts";
import { test } from "../support/test.ts";

/** Each test starts several processes, which take seconds each on a busy machine. */
const slow = { timeoutMs: 120_000 };

function start(log: HandWritten, ...args: readonly string[]): StartedProcess {
  return startProcess("trading/pipeline/throughline.ts", args, {
    env: { REDIS_URL: log.url, NAMESPACE: log.namespace },
  });
}

const run = (log: HandWritten, ...args: readonly string[]): Promise<CommandEnd> =>
  runCommand(log, args, { plugIn: tradingPlugIn });

test(
  "record and import carry channels from one namespace into another, exactly",
  async () => {
    await using log = new HandWritten();
    await using other = new HandWritten();
    await using directory = await makeDirectory();
    await log.describe(["orders", "fills"]);
    for (const id of ["a", "b", "c"]) await log.append("orders", { id, payload: { id } });
    await log.append("fills", { id: "f" });
    const file = directory.path("day.zst");
    const recorded = await run(log, "record", "orders", "fills", "-o", file, "--from", "-2h");
    assert.equal([recorded.code, recorded.out, recorded.err], [0, `${file}: 4 entries.\n`, ""]);
    const imported = await run(log, "import", file, "--namespace", other.namespace, "--speed", "max");
    assert.equal([imported.code, imported.out, imported.err], [0, `${file}: 4 entries.\n`, ""]);
    for (const channel of ["orders", "fills"]) {
      const [before, after] = await Promise.all(
        [log, other].map((one) => one.client.xrange(one.stream(channel), "-", "+")),
      );
      assert.equal(
        after?.map(([, fields]) => fields),
        before?.map(([, fields]) => fields),
      );
    }
  },
  slow,
);

test(
  "record filters, reports as JSON, and ends with 1 where there is nothing",
  async () => {
    await using log = new HandWritten();
    await using directory = await makeDirectory();
    await log.append("orders", { id: "a", payload: { symbol: "AAPL", side: "buy" } }, "1-0");
    await log.append("orders", { id: "b", payload: { symbol: "AAPL", side: "sell" } }, "2-0");
    await log.append("orders", { id: "c", payload: { symbol: "MSFT", side: "sell" } }, "3-0");
    const file = directory.path("r");
    const where = ["--where", "payload.symbol=AAPL", "--where", "payload.side=sell"];
    const found = await run(log, "record", "orders", ...where, "-o", file, "--json");
    const report = { path: file, entries: 1, settlements: 0, isComplete: true, gaps: [] };
    assert.equal([found.code, JSON.parse(found.out)], [0, report]);
    assert.equal(await entryIds(file), ["2-0"]);
    const none = await run(log, "record", "orders", "--where", "user.id=u", "-o", directory.path("none"));
    assert.equal([none.code, none.err], [1, "There are no such entries.\n"]);
  },
  slow,
);

test(
  "record --follow ends with Ctrl-C, complete, and a killed one is continued",
  async () => {
    await using log = new HandWritten();
    await using directory = await makeDirectory();
    for (let n = 1; n <= 3_000; n++) {
      await log.client.xadd(log.stream("orders"), `${n}-0`, "payload", JSON.stringify({ n, text: "x".repeat(500) }));
    }
    const file = directory.path("r.ndjson");
    await using killed = start(log, "record", "orders", "--follow", "-o", file);
    // The first segments are written when there are enough entries; the rest is lost with the process.
    await eventually(async () => (await entryIds(file).catch(() => [])).length > 1_000);
    killed.kill();
    await killed.ended;
    const refused = await run(log, "record", "orders", "--follow", "-o", file);
    assert.is(refused.code, 1);
    assert.match(refused.err, /there already.*--continue/);
    await using again = start(log, "record", "orders", "--follow", "--continue", "-o", file);
    await eventually(async () => (await entryIds(file)).length === 3_000);
    again.kill("SIGINT");
    assert.equal(await again.ended, { code: 0, signal: null });
    assert.is(again.stdout(), `${file}: 3,000 entries.\n`);
    assert.equal(
      await entryIds(file),
      Array.from({ length: 3_000 }, (_, i) => `${i + 1}-0`),
    );
  },
  slow,
);

test(
  "import writes into a namespace that is in use only with --live, and --yes where nobody can be asked",
  async () => {
    await using log = new HandWritten();
    await using directory = await makeDirectory();
    await log.describe(["orders"]);
    const file = directory.path("lines.jsonl");
    await writeFile(file, '{"a":1}\n{"a":2}\n');
    const args = ["import", file, "--format", "ndjson", "--into", "orders", "--speed", "max"];
    const refused = await run(log, ...args);
    assert.is(refused.code, 2);
    assert.match(refused.err, /--live/);
    const unasked = await run(log, ...args, "--live");
    assert.is(unasked.code, 2);
    assert.match(unasked.err, /--yes/);
    assert.is(await log.client.xlen(log.stream("orders")), 0);
    await using byHand = new HandWritten();
    await byHand.append("orders", { id: "a" });
    const undescribed = await run(byHand, ...args);
    assert.equal([undescribed.code, await byHand.client.xlen(byHand.stream("orders"))], [2, 1]);
    const done = await run(log, ...args, "--live", "--yes", "--key", "a");
    assert.equal([done.code, done.out], [0, `${file}: 2 entries.\n`]);
    const rows = await log.client.xrange(log.stream("orders"), "-", "+");
    assert.equal(
      rows.map(([, fields]) => [fields[fields.indexOf("key") + 1], fields[fields.indexOf("payload") + 1]]),
      [
        ["1", '{"a":1}'],
        ["2", '{"a":2}'],
      ],
    );
  },
  slow,
);

test(
  "import names lines that are wrong, and takes the others with --skip-invalid",
  async () => {
    await using log = new HandWritten();
    await using directory = await makeDirectory();
    const file = directory.path("lines.jsonl");
    await writeFile(file, '{"a":1}\n{"a":\n{"a":3}\n');
    const args = ["import", file, "--format", "ndjson", "--into", "things", "--speed", "max"];
    const refused = await run(log, ...args);
    assert.is(refused.code, 1);
    assert.match(refused.err, `${file}, line 2: the line is no JSON`);
    assert.match(refused.err, "Nothing was imported");
    assert.is(await log.client.exists(log.stream("things")), 0);
    const done = await run(log, ...args, "--skip-invalid");
    assert.equal([done.code, done.out], [0, `${file}: 2 entries, left out as invalid: 1.\n`]);
    assert.match(done.err, `${file}, line 2`);
  },
  slow,
);

test(
  "import takes LOBSTER files by their name, through the rules of client orders",
  async () => {
    await using log = new HandWritten();
    await using directory = await makeDirectory();
    const file = directory.path("MSFT_2012-06-21_message.csv");
    await writeFile(file, "34200.1,1,11,18,5853300,1\n34200.2,4,11,18,5853300,1\n34200.3,1,12,5,5853300,-1\n");
    const done = await run(log, "import", file, "--into", "client-orders", "--speed", "10");
    assert.equal([done.code, done.out], [0, `${file}: 2 entries, left out: 1.\n`]);
    assert.is(await log.client.xlen(log.stream("client-orders")), 2);
  },
  slow,
);

test(
  "what cannot be done is one line: 2 where it was called wrongly, 1 where the file is at fault",
  async () => {
    await using log = new HandWritten();
    await using directory = await makeDirectory();
    await log.append("orders", { id: "a" });
    const junk = directory.path("junk");
    await writeFile(junk, "junk\n");
    const newer = directory.path("newer");
    await writeFile(newer, `${JSON.stringify({ ...header, version: 9 })}\n`);
    const file = directory.path("r");
    const wrong: readonly (readonly [args: readonly string[], code: number, said: RegExp])[] = [
      [["record", "orders"], 2, /output/],
      [["record", "-o", file], 2, /channels/],
      [["record", "orders", "-o", file, "--from", "yesterday"], 2, /entry id/],
      [["record", "orders", "-o", file, "--where", "apples"], 2, /name=value/],
      [["record", "orders", "-o", file, "--follow", "--to", "5"], 1, /exclude/],
      [["record", "oders", "-o", file], 1, /no channel "oders"/],
      [["record", "orders", "-o", directory.path("no/where")], 1, /cannot be written/],
      [["import", junk], 1, /junk, line 1: .*no recording/],
      [["import", newer], 1, /newer, line 1: .*format version 9/],
      [["import", directory.path("none")], 1, /cannot be read/],
      [["import", junk, "--format", "ndjson"], 2, /--into/],
      [["import", junk, "--format", "csv"], 2, /choices/],
      [["import", junk, "--speed", "fast"], 2, /original/],
      [["import", junk, "--symbol", "AAPL"], 2, /--symbol is not for/],
    ];
    for (const [args, code, said] of wrong) {
      const result = await run(log, ...args, ...(args[0] === "import" ? ["--namespace", freshNamespace()] : []));
      assert.equal([result.code, result.out], [code, ""], args.join(" "));
      assert.match(result.err, said);
      assert.match(result.err, /^[^\n]+\n$/, args.join(" "));
    }
  },
  slow,
);

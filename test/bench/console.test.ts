/** The console's benchmark: its command line, its record, and a part of it run to its end. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { parseConsoleOptions } from "../../bench/console/options.ts";
import { partNames } from "../../bench/console/part-names.ts";
import { added, type ConsoleRecord, type PartResult } from "../../bench/console/record.ts";
import { describeMachine } from "../../bench/machine.ts";
import { browserTest } from "../console/browser.ts";
import { startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";

const parse = (...args: string[]): ReturnType<typeof parseConsoleOptions> =>
  parseConsoleOptions(["node", "bench/console/main.ts", ...args], (error) => {
    throw error;
  });

test("parts are chosen by name, and one that does not exist is refused by name", () => {
  assert.equal(parse().only, partNames);
  assert.equal(parse("--only", "tail, views").only, ["tail", "views"]);
  assert.throws(() => parse("--only", "views,colours"), /There is no part "colours"/);
});

test("a record keeps the parts that are not measured again, unless they were measured on another log or machine", async () => {
  const machine = describeMachine("redis-server 7.0.15");
  const part = (name: PartResult["name"], result: string): PartResult => ({
    name,
    figures: [{ measured: name, result }],
    raw: {},
  });
  const first: ConsoleRecord = { machine, entries: 10, parts: [part("views", "1"), part("tail", "1")] };
  const again: ConsoleRecord = { machine, entries: 10, parts: [part("views", "2")] };
  const results = ({ parts }: ConsoleRecord): readonly string[] =>
    parts.flatMap(({ name, figures }) => figures.map(({ result }) => `${name} ${result}`));
  assert.equal(results(added(first, again)), ["views 2", "tail 1"]);
  assert.equal(results(added(first, { ...again, entries: 20 })), ["views 2"]);
  assert.equal(results(added(first, { ...again, machine: { ...machine, cores: 99 } })), ["views 2"]);
  assert.equal(results(added(undefined, again)), ["views 2"]);
});

test("a file that holds something else is refused before anything is measured", async () => {
  const directory = await mkdtemp(join(tmpdir(), "throughline-bench-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(directory, { recursive: true }));
  const file = join(directory, "other.json");
  await writeFile(file, '{"results": 1}');
  assert.throws(() => parse("--json", file), /something else than figures/);
});

browserTest(
  "a part drives the page, and its figures are printed and written with their aims",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "throughline-bench-"));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(directory, { recursive: true }));
    const json = join(directory, "console.json");
    const run = stack.use(
      startProcess("bench/console/main.ts", ["--only", "views", "--entries", "2000", "--json", json]),
    );
    assert.equal(await run.ended, { code: 0, signal: null }, run.stderr());
    assert.match(run.stdout(), /^the page, compressed: \d+ kB, aim ≤ 250 kB: met$/m);
    const { entries, parts } = JSON.parse(await readFile(json, "utf8")) as ConsoleRecord;
    assert.equal([entries, parts.map(({ name }) => name)], [2_000, ["views"]]);
  },
  { timeoutMs: 120_000 },
);

/** The benchmark's command line. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { parseOptions } from "../../bench/options.ts";
import { scenarios } from "../../bench/scenarios/index.ts";
import { test } from "../support/test.ts";

const parse = (...args: string[]): ReturnType<typeof parseOptions> =>
  parseOptions(["node", "bench/main.ts", ...args], (error) => {
    throw error;
  });

test("without options all scenarios are run in full", () => {
  const { quick, only, scale } = parse();
  assert.equal([quick, scale], [false, 1]);
  assert.is(only, scenarios);
});

test("some scenarios are chosen by name, in the given order", () => {
  assert.equal(
    parse("--only", "consume, publish").only.map(({ name }) => name),
    ["consume", "publish"],
  );
});

test("contenders are chosen by name in every scenario", () => {
  const { only } = parse("--only", "publish,record", "--contenders", "throughline, ioredis");
  assert.equal(
    only.map(({ entrants }) => entrants.map(({ contender }) => contender)),
    [["ioredis", "throughline"], []],
  );
  assert.throws(() => parse("--contenders", "kafka"), /There is no contender "kafka"/);
});

test("a file of orders must be there, and its figures go into no record", () => {
  assert.is(parse("--orders", "package.json").orders, "package.json");
  assert.throws(() => parse("--orders", "no-such-file"), /It cannot be read: ENOENT/);
  assert.throws(() => parse("--orders", "package.json", "--svg", "b.svg"), /cannot be used with/);
});

test("a scenario that does not exist is refused by name", () => {
  assert.throws(() => parse("--only", "publish,consumption"), /There is no scenario "consumption"/);
});

test("a part of the events is above 0 and at most 1", () => {
  assert.is(parse("--scale", "0.25").scale, 0.25);
  for (const scale of ["0", "1.5", "-1", "half"]) {
    assert.throws(() => parse("--scale", scale), /above 0, at most 1/);
  }
});

test("files and the directory of profiles are taken as they are", () => {
  const { json, svg, cpuProf } = parse("--json", "a.json", "--svg", "b.svg", "--cpu-prof", "c");
  assert.equal([json, svg, cpuProf], ["a.json", "b.svg", "c"]);
});

test("a report file that cannot be written, or that holds something else, is refused before anything is measured", async () => {
  const directory = await mkdtemp(join(tmpdir(), "throughline-bench-"));
  try {
    const [fresh, text, other] = ["fresh.json", "text.json", "other.json"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(text, "no JSON");
    await writeFile(other, '{"results": 1}');
    assert.is(parse("--json", fresh).json, fresh);
    assert.is(parse("--svg", text).svg, text);
    for (const option of ["--json", "--svg"]) {
      assert.throws(() => parse(option, join(directory, "none", "x")), /cannot be written: ENOENT/);
      assert.throws(() => parse(option, directory), /cannot be written: it is no file/);
    }
    assert.throws(() => parse("--json", text), /It is no JSON/);
    assert.throws(() => parse("--json", other), /something else than figures/);
    assert.is(await readFile(text, "utf8"), "no JSON");
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** The benchmark's command line. */

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
  const { only } = parse("--only", "publish,settle", "--contenders", "throughline, ioredis");
  assert.equal(
    only.map(({ entrants }) => entrants.map(({ contender }) => contender)),
    [["ioredis", "throughline"], []],
  );
  assert.throws(() => parse("--contenders", "kafka"), /There is no contender "kafka"/);
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

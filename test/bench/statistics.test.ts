/** Medians, ratios and verdicts of the benchmark. */

import * as assert from "uvu/assert";
import { evaluate, median, percentile } from "../../bench/statistics.ts";
import { test } from "../support/test.ts";
import { rates, resultOf, scenarioOf } from "./result.ts";

test("the median of an even number of values lies between the middle two", () => {
  assert.is(median([9, 1, 5]), 5);
  assert.is(median([4, 1, 3, 9]), 3.5);
  assert.ok(Number.isNaN(median([])));
});

test("a percentile is the smallest value that covers its share", () => {
  const values = Array.from({ length: 1_000 }, (_, i) => i + 1);
  assert.equal(
    [0.5, 0.99, 0.999, 1].map((share) => percentile(values, share)),
    [500, 990, 999, 1_000],
  );
  assert.is(percentile([7], 0.5), 7);
});

test("a ratio is the median of the rounds' ratios, not the ratio of the medians", () => {
  const [bare, ours] = resultOf().standings;
  assert.equal([bare?.median, bare?.least, bare?.most], [100, 50, 120]);
  assert.is(ours?.median, 132);
  assert.is(ours?.ratios["ioredis"], 1.2);
  assert.is(bare?.ratios["ioredis"], 1);
});

test("where less is better, a ratio still says how many times as good", () => {
  const { standings } = resultOf({ measurement: "clientMicros", better: "less" });
  assert.is(standings[1]?.ratios["ioredis"], 1.5);
});

test("an aim is judged by the quotient of the figures, or by the figure itself", () => {
  const verdicts = resultOf().aims.map(({ reached, isMet }) => [Number(reached.toFixed(3)), isMet]);
  assert.equal(verdicts, [
    [1.2, false],
    [0.667, false],
    [4, false],
  ]);
  const met = evaluate(
    scenarioOf({ aims: [{ of: "throughline", against: "ioredis", atLeast: 1.2, atMost: 1.3 }] }),
    rates,
    { scale: 1, absent: {} },
  );
  assert.is(met.aims[0]?.isMet, true);
});

test("an entrant that took no part has no result and no aim, and its reason is kept", () => {
  const { standings, aims, absent } = resultOf();
  assert.equal(
    standings.map(({ entrant }) => entrant),
    ["ioredis", "throughline"],
  );
  assert.is(aims.length, 3);
  assert.equal(absent, { "redis-benchmark": "it is not there" });
});

test("a measurement that is missing meets no aim", () => {
  const { aims } = resultOf({ aims: [{ of: "throughline", measurement: "peakRssMiB", atMost: 256 }] });
  assert.is(aims[0]?.isMet, false);
});

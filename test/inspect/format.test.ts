/** Durations for people: each in the unit in which it is read, and none rounded to a whole of the next one. */

import * as assert from "uvu/assert";
import { durationText } from "../../src/inspect/text/format.ts";
import { test } from "../support/test.ts";

test("a duration is written in its unit, and never as sixty of a smaller one", () => {
  const texts: readonly (readonly [ms: number, text: string])[] = [
    [0, "0 ms"],
    [999.4, "999 ms"],
    [999.6, "1.0 s"],
    [1_500, "1.5 s"],
    [59_949, "59.9 s"],
    [59_950, "1 min 0 s"],
    [59_999.9, "1 min 0 s"],
    [60_000, "1 min 0 s"],
    [3_599_999, "59 min 59 s"],
    [5_400_000, "1 h 30 min"],
    [90_000_000, "1 d 1 h"],
    [-1_500, "-1.5 s"],
  ];
  for (const [ms, text] of texts) assert.is(durationText(ms), text, `${ms} ms`);
});

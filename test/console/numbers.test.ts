/** Numbers and times as the console's page writes them. */

import * as assert from "uvu/assert";
import { clocked, lasted, timed } from "../../src/console/app/parts/numbers.ts";
import { test } from "../support/test.ts";

test("a duration never says 60 of a unit", () => {
  const written = [0, 999.4, 999.6, 1_540, 9_960, 59_400, 59_600, 119_700, 3_599_600, 7_199_000, 172_799_000];
  assert.equal(written.map(lasted), [
    ...["0 ms", "999 ms", "1.0 s", "1.5 s", "10 s", "59 s", "1 min 0 s", "2 min 0 s"],
    ...["1 h 0 min", "2 h 0 min", "2 d"],
  ]);
});

test("a time is UTC, and a number that no calendar covers is written as it is", () => {
  const at = Date.UTC(2026, 10, 30, 7, 51, 21, 227);
  assert.equal([timed(at), clocked(at)], ["2026-11-30 07:51:21.227", "07:51:21.227"]);
  const nanoseconds = at * 1e6;
  assert.equal([timed(nanoseconds), clocked(nanoseconds)], [String(nanoseconds), String(nanoseconds)]);
});

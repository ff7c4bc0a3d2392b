/** The venue's benchmark runs to its end. */

import * as assert from "uvu/assert";
import { startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";

test("measures the venue alone: a line a round", async () => {
  await using bench = startProcess("bench/venue.ts", ["--orders", "2000", "--rounds", "1"]);
  assert.equal(await bench.ended, { code: 0, signal: null });
  assert.match(bench.stdout(), /^round 1: [\d,]+ orders\/s, [\d.]+ µs of the venue's CPU an order/);
});

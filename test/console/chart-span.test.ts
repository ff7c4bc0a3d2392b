/** The span of time that a chart draws. */

import * as assert from "uvu/assert";
import { spanOf } from "../../src/console/app/parts/chart-span.ts";
import { test } from "../support/test.ts";

test("a chart of a single moment shows the minute around it, and one without any the last minute", () => {
  assert.equal(spanOf([1_796_044_380]), [1_796_044_350, 1_796_044_410]);
  assert.equal(spanOf([], 1_000), [940, 1_000]);
  assert.equal(spanOf([100, 105]), [70, 135]);
  assert.equal(spanOf([100, 150, 400]), [100, 400]);
});

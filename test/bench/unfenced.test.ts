/** The benchmark of the fence takes it out of the scripts' own text: whoever changes the scripts learns here that it no longer fits. */

import * as assert from "uvu/assert";
import { unfenced } from "../../bench/unfenced.ts";
import { scripts } from "../../src/redis/store/scripts.ts";
import { test } from "../support/test.ts";

test("finds the fence of both settlement scripts, and leaves every other script as it is", () => {
  for (const script of [scripts.settle, scripts.ack]) {
    const { source, sha } = unfenced(script);
    assert.ok(source.length < script.source.length && sha !== script.sha);
  }
  assert.is(unfenced(scripts.append), scripts.append);
});

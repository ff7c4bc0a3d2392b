/** What a simulation cannot repeat has no place in the core: time, chance and waiting come from ports alone. */

import { globSync, readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";

const banned =
  /\b(?:Date\.now|new Date|performance\b(?!\.md)|set(?:Timeout|Immediate|Interval)|Math\.random|random(?:Bytes|FillSync|UUID|Hex)|AbortSignal\.timeout|nextTick|newEventId|node:timers)/;

test("the core and the store in memory take time and chance from their ports", () => {
  const files = globSync(["src/ownership/**/*.ts", "src/memory/**/*.ts", "src/consume/**/*.ts", "src/sources/**/*.ts"]);
  assert.ok(files.length > 30, `only ${files.length} files were looked at`);
  for (const file of files) {
    for (const [i, line] of readFileSync(file, "utf8").split("\n").entries())
      assert.not.match(line, banned, `${file}:${i + 1} draws on something that no seed decides`);
  }
});

/** Figures in the documents are those of the benchmark's record. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { chart } from "../../bench/report/chart.ts";
import { begins, ends, withTables } from "../../bench/report/markdown.ts";
import { staleFigures } from "../../tools/bench-tables.ts";
import { recordOf, resultOf } from "../bench/result.ts";
import { test } from "../support/test.ts";

test("names the chart and the document whose figures the record does not have", () => {
  const root = mkdtempSync(join(tmpdir(), "throughline-figures-"));
  using _removed = { [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
  const files = { record: "bench.json", svg: "bench.svg", document: "speed.md" };
  const record = recordOf(resultOf());
  const document = withTables(`${begins}${ends}\n`, record);
  const write = (name: string, text: string): void => writeFileSync(join(root, name), text);
  write("bench.json", JSON.stringify(record));
  write("bench.svg", chart(record));
  write("speed.md", document);
  assert.equal(staleFigures(root, files), []);

  write("bench.svg", chart(record).replace("132.00", "232.00"));
  write("speed.md", document.replace(" 132.00 |", " 232.00 |"));
  const stale = staleFigures(root, files);
  assert.is(stale.length, 2);
  assert.match(stale[0] ?? "", /^bench\.svg: .*bench:docs/);
  assert.match(stale[1] ?? "", /^speed\.md: /);
});

/** The catalogue of faults agrees with the documents, and names tests that exist. */

import { readFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { rows, tableOf } from "./rows.ts";

const cells = (line: string): string => line.replace(/\s*\|\s*/g, "|");

test("is the table in docs/reference/guarantees.md, row by row", async () => {
  const text = await readFile("docs/reference/guarantees.md", "utf8");
  const section = text.slice(text.indexOf("## Faults"));
  const lines = section.slice(0, section.indexOf("\n\n", section.indexOf("| ---"))).split("\n");
  const table = lines.filter((line) => line.startsWith("| ")).slice(2);
  assert.equal(table.map(cells), tableOf(rows).map(cells));
});

test("names tests that are there", async () => {
  for (const { tests } of rows) {
    assert.ok(tests.length > 0);
    for (const { file, part } of tests) {
      const source = await readFile(file, "utf8");
      // The name of a test that is one of several holds a part that is put in.
      const fixed = part.replace(/^when the reply to .*$/, "when the reply to ").replace(/^killed .*$/, "killed ");
      assert.ok(source.includes(fixed), `${file} has no test with "${part}"`);
    }
  }
});

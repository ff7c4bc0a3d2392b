/** The command line's reference is the help that the commands print. */

import { readFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { allHelp, referencePath, withHelp } from "../../tools/command-line-reference.ts";
import { test } from "../support/test.ts";

test("the reference has the help of every command", async () => {
  const all = await allHelp();
  assert.ok(all.some(({ name }) => name === "throughline dead redrive"));
  const document = await readFile(referencePath, "utf8");
  assert.is(document, withHelp(document, all), "npm run docs:commands writes it again");
});

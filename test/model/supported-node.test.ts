/** A Node that is too old is named, with what is needed. */

import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { nodeProblem } from "../../src/model/supported-node.ts";
import { test } from "../support/test.ts";

test("takes the version that package.json names and every later one", () => {
  const { engines } = JSON.parse(readFileSync("package.json", "utf8")) as {
    readonly engines: { readonly node: string };
  };
  assert.is(engines.node, ">=22.15");
  for (const version of ["22.15.0", "22.23.3", "23.0.0", "24.21.0"])
    assert.is(nodeProblem(version), undefined, version);
});

test("refuses older ones in one sentence", () => {
  for (const version of ["22.14.0", "20.19.0", "18.0.0"]) {
    assert.match(nodeProblem(version) ?? "", `Throughline needs Node 22.15 or newer, and this is Node ${version}`);
  }
});

/** The modules that a command loads before it runs, by the static imports of its file: loading takes most of a short command's time. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { commands } from "../../src/cli/commands.ts";
import { test } from "../support/test.ts";

const imported = /(?:^|\n)(?:import|export)\s+(?!type\b)(?:[^;"]*?\sfrom\s+)?"([^"]+)"/g;

/** The npm packages that loading these files loads, by way of any file of ours. */
function packagesOf(...files: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const open = [...files];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(imported)) {
      if (name.startsWith(".")) open.push(join(dirname(file), name));
      else if (!name.startsWith("node:")) packages.add(/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
    }
  }
  return [...packages].sort();
}

test("the command line loads only commander for its help and before any command", () => {
  assert.equal(packagesOf("src/cli/throughline.ts"), []); // which Node this is comes first
  assert.equal(packagesOf("src/cli/command-line.ts"), ["commander"]);
});

test("a command that looks at Redis loads its client, and neither schemas nor tracing nor BullMQ", () => {
  assert.equal(packagesOf("src/cli/acl.ts"), ["commander"]);
  for (const name of ["status", "tail", "journey", "dead"]) {
    const light = ["cli-table3", "commander", "ioredis"];
    const heavy = packagesOf(`src/cli/${name}.ts`).filter((one) => !light.includes(one));
    assert.equal(heavy, [], name);
  }
  assert.ok(packagesOf("src/cli/replays.ts").includes("bullmq"), "nothing is found by looking");
});

test("every command that the help names can be loaded", async () => {
  for (const [name, { load }] of commands) assert.type(await load(), "function", name);
});

#!/usr/bin/env node
/** The `throughline` command. */

import { nodeProblem } from "../model/supported-node.ts";
import { keepCompiled } from "./compile-cache.ts";

const problem = nodeProblem(process.versions.node);
if (problem === undefined) {
  keepCompiled();
  const { runCommandLine } = await import("./command-line.ts");
  await runCommandLine();
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 2;
}

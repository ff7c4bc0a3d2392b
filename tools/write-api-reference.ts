/**
 * `npm run docs:api`: makes the API reference of all doors from their doc comments, and fails on a warning. TypeDoc and the compiler that it
 * needs are a package of their own, which is installed here.
 */

import { spawnSync } from "node:child_process";

const directory = "tools/api-reference";

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(1);
}

run("npm", ["ci", "--prefix", directory, "--ignore-scripts"]);
run(process.execPath, [`${directory}/node_modules/typedoc/bin/typedoc`, "--options", `${directory}/typedoc.json`]);

/** Packs the package, and installs the oldest Node that it supports: both once, before the tests of `test/package`. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oldestNode, preparedDir } from "./packed.ts";

const npm = (args: readonly string[], cwd: string): void => {
  execFileSync("npm", [...args, "--loglevel=error"], { cwd, stdio: ["ignore", "ignore", "inherit"] });
};

mkdirSync(preparedDir, { recursive: true });
npm(["pack", `--pack-destination=${preparedDir}`], process.cwd());
const nodeDir = join(preparedDir, `node-${oldestNode}`);
if (!existsSync(join(nodeDir, "node_modules/node/bin/node"))) {
  rmSync(nodeDir, { recursive: true, force: true });
  mkdirSync(nodeDir);
  writeFileSync(join(nodeDir, "package.json"), JSON.stringify({ private: true, allowScripts: { node: true } }));
  npm(["install", `node@${oldestNode}`], nodeDir);
}

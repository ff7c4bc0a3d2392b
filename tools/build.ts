/** `npm run build`: dist, anew, from src: modules, declarations and source maps by the compiler, the Lua scripts beside them, and the bundled page of the console. */

import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { bundlePage } from "../src/console/bundle.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
const compiler = join(root, "node_modules/typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [compiler, "--project", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);
for (const script of globSync("src/**/*.lua", { cwd: root })) {
  cpSync(join(root, script), join(dist, relative("src", script)));
}
const page = join(dist, "console/page");
mkdirSync(page, { recursive: true });
for (const [name, bytes] of await bundlePage()) writeFileSync(join(page, name), bytes);
const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { bin: Record<string, string> };
for (const command of Object.values(bin)) chmodSync(join(root, command), 0o755);

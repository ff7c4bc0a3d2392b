/** `npm run simulate` as tests run it. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import * as assert from "uvu/assert";

/** What it prints. @throws when it ends with 1 */
export function simulate(...args: readonly string[]): string {
  const program = join(import.meta.dirname, "main.ts");
  return execFileSync(process.execPath, [program, ...args], { encoding: "utf8", maxBuffer: 2 ** 28 });
}

/** So many histories from a seed on, in two processes, are clean. */
export function assertClean(of: string, first: number, histories: number): void {
  const said = simulate("--of", of, "--seeds", `${first}..${first + histories - 1}`, "--processes", "2");
  console.log(said);
  const closing = `^${histories} histories of \\d+ steps \\(least [2-9]\\d\\d\\), digest [0-9a-f]{16}, in \\d+ s: clean$`;
  assert.match(said, new RegExp(closing, "m"));
}

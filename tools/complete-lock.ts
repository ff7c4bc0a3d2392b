/**
 * `npm run lock`: adds packages to the lock file that npm could not look up. Run it after `npm install` against a
 * registry that mirrors the packages of some platforms only: npm then leaves the others out, and `npm ci` refuses the
 * file.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { completed, type LockFile, missingOptionals } from "./lock-file.ts";

const path = "package-lock.json";
const lock = JSON.parse(readFileSync(path, "utf8")) as LockFile;
const missing = [...missingOptionals(lock).keys()];
if (missing.length > 0) writeFileSync(path, `${JSON.stringify(completed(lock), undefined, 2)}\n`);
process.stdout.write(missing.length === 0 ? "The lock file is complete.\n" : `Added:\n${missing.join("\n")}\n`);

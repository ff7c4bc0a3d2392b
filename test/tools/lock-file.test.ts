/** The lock file works for `npm ci` on every platform. */

import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { completed, type LockFile, missingOptionals } from "../../tools/lock-file.ts";
import { test } from "../support/test.ts";

test("the project's lock file names the optional packages of every platform (else: npm run lock)", () => {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as LockFile;
  assert.equal([...missingOptionals(lock).keys()], []);
});

test("adds missing packages, with the platform that the name says, and none twice", () => {
  const lock: LockFile = {
    packages: {
      "": { version: "1.0.0" },
      "node_modules/a": {
        version: "1.0.0",
        dev: true,
        optionalDependencies: { "@a/cli-linux-x64-musl": "2.0.0", b: "1.0.0" },
      },
      "node_modules/a/node_modules/b": { version: "1.0.0" },
    },
  };
  const added = { version: "2.0.0", dev: true, optional: true, cpu: ["x64"], libc: ["musl"], os: ["linux"] };
  assert.equal([...missingOptionals(lock)], [["node_modules/@a/cli-linux-x64-musl", added]]);
  assert.equal(missingOptionals(completed(lock)).size, 0);
  assert.equal(Object.keys(completed(lock).packages), [
    "",
    "node_modules/@a/cli-linux-x64-musl",
    "node_modules/a",
    "node_modules/a/node_modules/b",
  ]);
});

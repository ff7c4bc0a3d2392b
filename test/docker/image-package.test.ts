/** The image installs whatever its code imports. */

import { execFileSync } from "node:child_process";
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";

/** The files that the Dockerfile copies; tests of containers are no part of a running component. */
const copied = ["docker", "src", "trading", "producers", "consumers"].map((folder) => `${folder}/**/*.ts`);
const ofTests = new Set(["testcontainers"]);

function importedPackages(): ReadonlySet<string> {
  const names = globSync(copied).flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [...text.matchAll(/(?:^(?:import|export|\}).* from |^import |\bimport\()"(@?[a-z][\w./:-]*)"/gm)].map(
      ([, name = ""]) => name,
    );
  });
  const packages = names
    .filter((name) => !isBuiltin(name) && name !== "throughline" && !name.startsWith("throughline/"))
    .map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
  return new Set(packages.filter((name) => !ofTests.has(name)));
}

test("every package that the image's code imports is a dependency of the image", () => {
  const directory = mkdtempSync(join(tmpdir(), "throughline-image-package-"));
  try {
    copyFileSync("package.json", join(directory, "package.json"));
    execFileSync(process.execPath, [resolve("docker/image-package.ts")], { cwd: directory });
    const { dependencies } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    const imported = importedPackages();
    assert.ok(imported.has("ioredis") && imported.has("zod") && imported.has("@opentelemetry/sdk-node"));
    assert.equal(
      [...imported].filter((name) => !(name in dependencies)),
      [],
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

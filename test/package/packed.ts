/** The package as it is packed, and the Nodes that it is tried on: made by `prepare.ts`, before the tests. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The oldest Node that the package supports. */
export const oldestNode = "22.15.0";

/** The directory into which `prepare.ts` writes. */
export const preparedDir: string = resolve("node_modules/.cache/throughline-package");

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

export const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

/** The names that a user imports, in the order of package.json. */
export const doors: readonly string[] = Object.keys(manifest.exports)
  .filter((path) => path !== "./package.json")
  .map((path) => path.replace(/^\./, manifest.name));

export const tarball: string = join(preparedDir, `${manifest.name}-${manifest.version}.tgz`);

/** The directory of an executable `node`, to be first in a PATH. */
export interface NodeVersion {
  readonly name: string;
  readonly directory: string;
}

const oldest: NodeVersion = {
  name: `Node ${oldestNode}`,
  directory: join(preparedDir, `node-${oldestNode}/node_modules/node/bin`),
};

const ours: NodeVersion = { name: `Node ${process.versions.node}`, directory: dirname(process.execPath) };

export const nodeVersions: readonly [oldest: NodeVersion, ours: NodeVersion] = [oldest, ours];

/** @throws when `prepare.ts` has not run */
export function requirePrepared(): void {
  if (existsSync(tarball) && existsSync(oldest.directory)) return;
  throw new Error("the package is not packed: run these tests with `npm run test:package`");
}

/** Measures an installation: packages and megabytes under a project's node_modules. */

import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface InstalledSize {
  readonly packages: number;
  /** Size of the files, in 10^6 bytes. */
  readonly megabytes: number;
}

/** Measures what npm has installed into a project. Packages that npm left out for other platforms do not count. */
export function installedSize(project: string): InstalledSize {
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, unknown>>;
  };
  const places = Object.keys(lock.packages).filter((place) => place !== "" && existsSync(join(project, place)));
  return { packages: places.length, megabytes: Math.round(bytesOf(join(project, "node_modules")) / 1e5) / 10 };
}

function bytesOf(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(directory, entry.name);
    return sum + (entry.isDirectory() ? bytesOf(path) : lstatSync(path).size);
  }, 0);
}

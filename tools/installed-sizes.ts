/** Writes the table of each door's packages and megabytes, which are measured by installing the packed package. */

import type { InstalledSize } from "./installed-size.ts";

export interface DoorSize extends InstalledSize {
  /** The doors, as the table names them. */
  readonly doors: string;
}

const begin = "<!-- installed sizes, written by npm run package:docs -->";
const end = "<!-- end of installed sizes -->";

/** The document with the table in place of the one between its marks. @throws when it has no marks */
export function withSizes(document: string, sizes: readonly DoorSize[]): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`the document has no lines "${begin}" and "${end}"`);
  const rows = sizes.map(({ doors, packages, megabytes }) => [doors, String(packages), megabytes.toFixed(0)] as const);
  const width = Math.max(...rows.map(([doors]) => doors.length));
  const lines = [["Door", "Packages", "MB"] as const, ...rows].map(
    ([doors, packages, megabytes]) => `| ${doors.padEnd(width)} | ${packages.padStart(8)} | ${megabytes.padStart(3)} |`,
  );
  lines.splice(1, 0, `| :${"-".repeat(width - 1)} | -------: | --: |`);
  return `${document.slice(0, from)}${begin}\n\n${lines.join("\n")}\n\n${document.slice(to)}`;
}

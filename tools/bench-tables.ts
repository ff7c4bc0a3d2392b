/**
 * Finds where the benchmark's chart and tables differ from its record: figures are written by the benchmark, never by
 * hand.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readConsoleRecord } from "../bench/console/record.ts";
import { withConsoleFigures } from "../bench/console/tables.ts";
import { chart } from "../bench/report/chart.ts";
import { withTables } from "../bench/report/markdown.ts";
import { parseRecord } from "../bench/report/record.ts";

export interface BenchFiles {
  readonly record: string;
  readonly svg: string;
  readonly document: string;
}

export const benchFiles: BenchFiles = {
  record: "docs/bench.json",
  svg: "docs/bench.svg",
  document: "docs/performance.md",
};

export interface ConsoleFiles {
  readonly record: string;
  readonly documents: readonly string[];
}

/** The console's benchmark has a record of its own. */
export const consoleFiles: ConsoleFiles = {
  record: "docs/bench-console.json",
  documents: ["docs/performance.md", "docs/guide/console.md"],
};

/** Returns a line for each document whose figures of the console differ from the record. */
export function staleConsoleFigures(root: string, { record, documents }: ConsoleFiles): readonly string[] {
  const measured = readConsoleRecord(join(root, record));
  if (measured === undefined) return [`${record}: is missing; npm run bench:console -- --json ${record} writes it`];
  return documents
    .filter((document) => {
      const text = readFileSync(join(root, document), "utf8");
      return withConsoleFigures(text, measured) !== text;
    })
    .map((path) => `${path}: its figures are not those of ${record}; npm run bench:docs writes them again`);
}

/** Returns a line for each file that differs from the record; paths are relative to `root`. */
export function staleFigures(root: string, { record, svg, document }: BenchFiles): readonly string[] {
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  const measured = parseRecord(read(record));
  const text = read(document);
  return [
    ...(read(svg) === chart(measured) ? [] : [svg]),
    ...(withTables(text, measured) === text ? [] : [document]),
  ].map((path) => `${path}: its figures are not those of ${record}; npm run bench:docs writes them again`);
}

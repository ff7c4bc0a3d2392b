/** Writes the tables of a record into a Markdown document, between two marks: nobody copies figures by hand. */

import { aimText } from "./aim.ts";
import type { BenchRecord } from "./record.ts";
import { caveat, rowsOf } from "./rows.ts";

export const begins = "<!-- bench -->";
export const ends = "<!-- /bench -->";

/** The document with the record's tables between the marks. @throws when it has no such marks */
export function withTables(document: string, record: BenchRecord): string {
  const start = document.indexOf(begins);
  const end = document.indexOf(ends, start);
  if (start === -1 || end === -1) throw new Error(`the document has no ${begins} with ${ends} after it`);
  return `${document.slice(0, start + begins.length)}\n\n${tables(record)}\n\n${document.slice(end)}`;
}

function tables({ machine, results }: BenchRecord): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const { processor, cores, memoryGiB, system } = machine;
  const where = `${machine.at.slice(0, 10)}, ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}; ${versions.join(", ")}; AOF everysec.`;
  const sections = results.map((result) => {
    const { scenario, aims, absent, rounds } = result;
    const { head, body } = rowsOf(result);
    const notes = [
      ...aims.map((verdict) => `- ${verdict.isMet ? "met" : "**missed**"}: ${aimText(result, verdict)}`),
      ...Object.entries(absent).map(([entrant, reason]) => `- ${entrant} took no part: ${reason}`),
    ];
    const about = [scenario.about ?? "", `${rounds} rounds.`, caveat([result])].filter((text) => text !== "").join(" ");
    return [
      `### ${scenario.title}`,
      about,
      table([head, ...body]),
      ...(notes.length === 0 ? [] : [notes.join("\n")]),
    ].join("\n\n");
  });
  return [where, ...sections].join("\n\n");
}

/**
 * Writes a table; the first row is the head. Columns are as wide as their widest cell, the first one aligned to the
 * left, as the formatter leaves them.
 */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(4, ...rows.map((row) => row[column]?.length ?? 0)));
  const padded = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))),
  );
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [padded[0] ?? [], rule, ...padded.slice(1)].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Writes the figures of a record into a Markdown document, between two marks: nobody copies figures by hand. */

import { table } from "../report/markdown.ts";
import type { ConsoleRecord } from "./record.ts";

export const begins = "<!-- bench:console -->";
export const ends = "<!-- /bench:console -->";

/** The document with the record's figures between the marks. @throws when it has no such marks */
export function withConsoleFigures(document: string, record: ConsoleRecord): string {
  const start = document.indexOf(begins);
  const end = document.indexOf(ends, start);
  if (start === -1 || end === -1) throw new Error(`the document has no ${begins} with ${ends} after it`);
  return `${document.slice(0, start + begins.length)}\n\n${textOf(record)}\n\n${document.slice(end)}`;
}

function textOf({ machine, entries, parts }: ConsoleRecord): string {
  const { at, processor, cores, memoryGiB, system, versions } = machine;
  const where = `${at.slice(0, 10)}, ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}; ${versions["server"]}, node ${versions["node"]}; a log of ${entries.toLocaleString("en-US")} entries in four partitions.`;
  const rows = parts.flatMap(({ figures }) =>
    figures.map(({ measured, result, aim, isMet }) => [
      measured,
      result,
      aim ?? "",
      isMet === undefined ? "" : isMet ? "met" : "**missed**",
    ]),
  );
  return `${where}\n\n${table([["Measured", "Result", "Aim", "verdict"], ...rows])}`;
}

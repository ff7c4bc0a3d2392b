/** `npm run bench:docs`: draws the chart and writes the tables anew from the records, without measuring. */

import { readFileSync, writeFileSync } from "node:fs";
import { readConsoleRecord } from "../bench/console/record.ts";
import { withConsoleFigures } from "../bench/console/tables.ts";
import { chart } from "../bench/report/chart.ts";
import { withTables } from "../bench/report/markdown.ts";
import { parseRecord } from "../bench/report/record.ts";
import { benchFiles, consoleFiles } from "./bench-tables.ts";

const { record, svg, document } = benchFiles;
const measured = parseRecord(readFileSync(record, "utf8"));
writeFileSync(svg, chart(measured));
writeFileSync(document, withTables(readFileSync(document, "utf8"), measured));
const ofConsole = readConsoleRecord(consoleFiles.record);
if (ofConsole === undefined) throw new Error(`${consoleFiles.record} is missing`);
for (const name of consoleFiles.documents)
  writeFileSync(name, withConsoleFigures(readFileSync(name, "utf8"), ofConsole));

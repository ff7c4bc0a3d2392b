/** `npm run bench:docs`: draws the chart and writes the tables anew from the record, without measuring. */

import { readFileSync, writeFileSync } from "node:fs";
import { chart } from "../bench/report/chart.ts";
import { withTables } from "../bench/report/markdown.ts";
import { parseRecord } from "../bench/report/record.ts";
import { benchFiles } from "./bench-tables.ts";

const { record, svg, document } = benchFiles;
const measured = parseRecord(readFileSync(record, "utf8"));
writeFileSync(svg, chart(measured));
writeFileSync(document, withTables(readFileSync(document, "utf8"), measured));

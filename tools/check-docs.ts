/** `npm run check:docs`: prints the errors in the project's Markdown documents, and fails when there are any. */

import { globSync } from "node:fs";
import { benchFiles, consoleFiles, staleConsoleFigures, staleFigures } from "./bench-tables.ts";
import { problemsOf } from "./docs.ts";

const documents = globSync("**/*.md", { exclude: ["**/node_modules", ".throughline"] });
const problems = [
  ...documents.flatMap((document) => problemsOf(".", document)),
  ...staleFigures(".", benchFiles),
  ...staleConsoleFigures(".", consoleFiles),
];
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) process.exitCode = 1;
else process.stdout.write(`Checked ${documents.length} documents.\n`);

/** `npm run docs:commands`: writes the help of every command into the command line's reference. */

import { readFileSync, writeFileSync } from "node:fs";
import { allHelp, referencePath, withHelp } from "./command-line-reference.ts";

writeFileSync(referencePath, withHelp(readFileSync(referencePath, "utf8"), await allHelp()));

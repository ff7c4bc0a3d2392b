/**
 * `npm run bench:console`: measures the console by driving its page in a real Chromium: the first view, the first hit of a search, the time from
 * append to screen, the memory of a tab, the bytes of the page, and the processor time an entry of component and server with and without an open
 * console. Prints each figure with its aim.
 */

import { writeFileSync } from "node:fs";
import { describeMachine } from "../machine.ts";
import { parseConsoleOptions } from "./options.ts";
import { parts } from "./parts.ts";
import { added, type PartResult, readConsoleRecord } from "./record.ts";
import { openWorld } from "./world.ts";

const options = parseConsoleOptions(process.argv);
// A tab holds what came while it was open: the log's length is nothing to it.
const isOfTabs = options.only.every((name) => name.startsWith("tab-"));
await using world = await openWorld(isOfTabs ? Math.min(20_000, options.entries) : options.entries);
const measured: PartResult[] = [];
for (const name of options.only) {
  process.stderr.write(`Measuring ${name} …\n`);
  const { figures, raw } = await parts[name](world, options);
  measured.push({ name, figures, raw });
  for (const { measured: what, result, aim, isMet } of figures) {
    const verdict = aim === undefined ? "" : `, aim ${aim}: ${isMet === true ? "met" : "missed"}`;
    process.stdout.write(`${what}: ${result}${verdict}\n`);
  }
}
if (options.json !== undefined) {
  const run = { machine: describeMachine(world.server), entries: options.entries, parts: measured };
  const record = added(readConsoleRecord(options.json), run);
  writeFileSync(options.json, `${JSON.stringify(record, undefined, 1)}\n`);
}

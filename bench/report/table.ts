/** Writes a scenario's result as a table for people. */

import Table from "cli-table3";
import type { Machine } from "../machine.ts";
import type { Result } from "../statistics.ts";
import { aimText } from "./aim.ts";
import { caveat, rowsOf } from "./rows.ts";

export function machineText({ at, processor, cores, memoryGiB, system, versions }: Machine): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${at}  ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}\n${names.join(", ")}; AOF everysec`;
}

export function resultText(result: Result): string {
  const { head, body } = rowsOf(result);
  const table = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colAligns: ["left", ...head.slice(1).map(() => "right" as const)],
  });
  for (const row of body) table.push([...row]);
  const verdicts = result.aims.map((verdict) => `  ${verdict.isMet ? "met" : "missed"}: ${aimText(result, verdict)}`);
  const absences = Object.entries(result.absent).map(([entrant, reason]) => `  skipped: ${entrant}: ${reason}`);
  const caveats = [caveat([result])].filter((line) => line !== "");
  return [result.scenario.title, ...caveats, table.toString(), ...verdicts, ...absences].join("\n");
}

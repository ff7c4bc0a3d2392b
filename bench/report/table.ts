/** A scenario's result as a table for people. */

import Table from "cli-table3";
import { contenders } from "../contenders.ts";
import type { Machine } from "../machine.ts";
import type { Result, Standing } from "../statistics.ts";

export function machineText({ at, processor, cores, memoryGiB, system, versions }: Machine): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${at}  ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}\n${names.join(", ")}; AOF everysec`;
}

export function resultText({ scenario, standings, aims }: Result): string {
  const { references, unit, title } = scenario;
  const others = Object.keys(standings[0]?.medians ?? {}).filter((name) => name !== scenario.measurement);
  const head = ["", unit, "rounds", ...references.map((name) => `÷ ${contenders[name].title}`), ...others];
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ["left", ...head.slice(1).map(() => "right" as const)],
  });
  for (const standing of standings) {
    table.push([
      contenders[standing.contender].title,
      number(standing.median),
      spread(standing),
      ...references.map((name) => standing.ratios[name]?.toFixed(2) ?? ""),
      ...others.map((name) => number(standing.medians[name] ?? Number.NaN)),
    ]);
  }
  const verdicts = aims.map(({ contender, against, ratio, reached }) => {
    const verdict = reached >= ratio ? "reached" : "missed";
    return `  ${verdict}: ${contenders[contender].title} ÷ ${contenders[against].title} = ${reached.toFixed(2)}, aim ≥ ${ratio}`;
  });
  return [title, table.toString(), ...verdicts].join("\n");
}

/** Lowest and highest round against the median. */
function spread({ least, median, most }: Standing): string {
  const percent = (value: number): string =>
    `${value >= median ? "+" : "−"}${Math.abs(Math.round((value / median - 1) * 100))}`;
  return `${percent(least)} … ${percent(most)} %`;
}

function number(value: number): string {
  const digits = Math.abs(value) >= 1_000 ? 0 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

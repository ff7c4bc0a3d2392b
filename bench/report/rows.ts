/** Writes a result as rows of texts, for all kinds of tables. */

import type { Result, Standing } from "../statistics.ts";
import { short } from "./number.ts";

export interface Rows {
  readonly head: readonly string[];
  readonly body: readonly (readonly string[])[];
}

export function rowsOf({ scenario, standings }: Result): Rows {
  const { references, unit, measurement } = scenario;
  const present = references.filter((name) => standings.some(({ entrant }) => entrant === name));
  const titleOf = (name: string): string => scenario.entrants.find((entrant) => entrant.name === name)?.title ?? name;
  const others = [...new Set(standings.flatMap(({ medians }) => Object.keys(medians)))].filter(
    (name) => name !== measurement,
  );
  return {
    head: ["", unit, "rounds", ...present.map((name) => `÷ ${titleOf(name)}`), ...others],
    body: standings.map((standing) => [
      standing.title,
      short(standing.median),
      spread(standing),
      ...present.map((name) => standing.ratios[name]?.toFixed(2) ?? ""),
      ...others.map((name) => {
        const value = standing.medians[name];
        return value === undefined ? "" : short(value);
      }),
    ]),
  };
}

/** The warning beside a trial's figures; empty where they are of a full run. */
export function caveat(results: readonly Result[]): string {
  return results.some(({ scale }) => scale < 1) ? "A trial with a part of the events: not to be compared." : "";
}

/** The lowest and the highest round against the median. */
function spread({ least, median, most }: Standing): string {
  const percent = (value: number): string =>
    `${value >= median ? "+" : "−"}${Math.abs(Math.round((value / median - 1) * 100))}`;
  return `${percent(least)} … ${percent(most)} %`;
}

/** Writes an aim in words: the entrant and its rival, the figure reached, and the figure aimed at. */

import type { Result, Verdict } from "../statistics.ts";
import { short } from "./number.ts";

export function aimText({ scenario }: Pick<Result, "scenario">, { of, against, measurement, ...aim }: Verdict): string {
  const titleOf = (name: string): string => scenario.entrants.find((entrant) => entrant.name === name)?.title ?? name;
  const subject = against === undefined ? titleOf(of) : `${titleOf(of)} ÷ ${titleOf(against)}`;
  const figure = measurement === undefined || measurement === scenario.measurement ? "" : `, ${measurement}`;
  const bounds = [
    ...(aim.atLeast === undefined ? [] : [`≥ ${aim.atLeast}`]),
    ...(aim.atMost === undefined ? [] : [`≤ ${aim.atMost}`]),
  ];
  return `${subject}${figure}: ${short(aim.reached)}, aim ${bounds.join(" and ")}`;
}

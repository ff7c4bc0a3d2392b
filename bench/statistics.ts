/** Statistics of rounds: medians, spread, and ratios. */

import type { Samples } from "./rounds.ts";
import type { Aim, Scenario } from "./scenario.ts";

export interface Standing {
  /** The entrant's name in its scenario. */
  readonly entrant: string;
  readonly title: string;
  /** Median of each measurement. */
  readonly medians: Readonly<Record<string, number>>;
  /** The median of the measurement that counts, with its lowest and highest round. */
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** The advantage over each reference as a factor: the median of the rounds' ratios. */
  readonly ratios: Readonly<Record<string, number>>;
}

export interface Verdict extends Aim {
  readonly reached: number;
  readonly isMet: boolean;
}

export interface Result {
  readonly scenario: Scenario;
  readonly rounds: number;
  /** Share of each round's events that was run: less than 1 means a trial. */
  readonly scale: number;
  readonly standings: readonly Standing[];
  readonly aims: readonly Verdict[];
  /** Entrants that could not take part, with their reasons. */
  readonly absent: Readonly<Record<string, string>>;
}

export function evaluate(
  scenario: Scenario,
  samples: Samples,
  { scale, absent }: Pick<Result, "scale" | "absent">,
): Result {
  const { measurement, better, references, entrants } = scenario;
  const valuesOf = (entrant: string, name: string): readonly number[] =>
    (samples.get(entrant) ?? []).map((sample) => sample[name] ?? Number.NaN);
  // The median of the rounds' ratios, not the ratio of the medians: a slow phase of the machine slows both of a pair
  // down.
  const quotient = (entrant: string, against: string, name: string): number => {
    const others = valuesOf(against, name);
    return median(valuesOf(entrant, name).map((value, round) => value / (others[round] ?? Number.NaN)));
  };
  const standings = entrants
    .filter(({ name }) => samples.has(name))
    .map(({ name: entrant, title }): Standing => {
      const values = valuesOf(entrant, measurement);
      const names = new Set((samples.get(entrant) ?? []).flatMap((sample) => Object.keys(sample)));
      const present = references.filter((reference) => samples.has(reference));
      return {
        entrant,
        title,
        medians: Object.fromEntries([...names].map((name) => [name, median(valuesOf(entrant, name))])),
        median: median(values),
        least: Math.min(...values),
        most: Math.max(...values),
        ratios: Object.fromEntries(
          present.map((against) => [
            against,
            better === "more" ? quotient(entrant, against, measurement) : quotient(against, entrant, measurement),
          ]),
        ),
      };
    });
  const rounds = Math.max(0, ...[...samples.values()].map((list) => list.length));
  const verdicts = scenario.aims
    .filter(({ of, against }) => samples.has(of) && (against === undefined || samples.has(against)))
    .map((aim): Verdict => {
      const name = aim.measurement ?? measurement;
      const reached = aim.against === undefined ? median(valuesOf(aim.of, name)) : quotient(aim.of, aim.against, name);
      return { ...aim, reached, isMet: reached >= (aim.atLeast ?? -Infinity) && reached <= (aim.atMost ?? Infinity) };
    });
  return { scenario, rounds, scale, standings, aims: verdicts, absent };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that is at least as large as `share` of all. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Medians of rounds, how far the rounds lie apart, and ratios. */

import type { ContenderName } from "./contenders.ts";
import type { Samples } from "./rounds.ts";
import type { Aim, Scenario } from "./scenarios.ts";

export interface Standing {
  readonly contender: ContenderName;
  /** Median of each measurement. */
  readonly medians: Readonly<Record<string, number>>;
  /** The measurement that counts: its median, and its lowest and highest round. */
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** How many times as good as each reference: the median of the rounds' ratios. */
  readonly ratios: Readonly<Partial<Record<ContenderName, number>>>;
}

export interface Result {
  readonly scenario: Scenario;
  readonly standings: readonly Standing[];
  readonly aims: readonly (Aim & { readonly reached: number })[];
}

export function evaluate(scenario: Scenario, samples: Samples): Result {
  const { measurement, better, references } = scenario;
  const medianOf = (contender: ContenderName, name: string): number =>
    median((samples.get(contender) ?? []).map((sample) => sample[name] ?? Number.NaN));
  // Of the rounds in pairs, not of the medians: what slows the machine down for a while slows both of a pair down.
  const ratio = (contender: ContenderName, against: ContenderName): number => {
    const others = samples.get(against) ?? [];
    const pairs = (samples.get(contender) ?? []).map((sample, round): number => {
      const [own, other] = [sample[measurement] ?? Number.NaN, others[round]?.[measurement] ?? Number.NaN];
      return better === "more" ? own / other : other / own;
    });
    return median(pairs);
  };
  const standings = [...samples].map(([contender, rounds]): Standing => {
    const values = rounds.map((sample) => sample[measurement] ?? Number.NaN);
    const names = Object.keys(rounds[0] ?? {});
    return {
      contender,
      medians: Object.fromEntries(names.map((name) => [name, medianOf(contender, name)])),
      median: median(values),
      least: Math.min(...values),
      most: Math.max(...values),
      ratios: Object.fromEntries(references.map((against) => [against, ratio(contender, against)])),
    };
  });
  return {
    scenario,
    standings,
    aims: scenario.aims.map((aim) => ({ ...aim, reached: ratio(aim.contender, aim.against) })),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

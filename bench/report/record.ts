/** What a run has measured, as it is kept in a file, and how a run of a part is added to it. */

import type { Machine } from "../machine.ts";
import type { Result } from "../statistics.ts";

export interface BenchRecord {
  readonly machine: Machine;
  readonly results: readonly Result[];
}

/** What makes figures comparable: all but the time. */
function kindOf({ at: _, ...kind }: Machine): string {
  return JSON.stringify(kind);
}

/**
 * The run's results in place of earlier ones of the same scenarios, in the order of `names`; those of other scenarios stay, if machine and
 * versions are the same.
 */
export function added(earlier: BenchRecord | undefined, run: BenchRecord, names: readonly string[]): BenchRecord {
  const kept =
    earlier !== undefined && kindOf(earlier.machine) === kindOf(run.machine)
      ? earlier.results.filter((one) => !run.results.some((other) => other.scenario.name === one.scenario.name))
      : [];
  const place = ({ scenario }: Result): number => names.indexOf(scenario.name);
  const results = [...kept, ...run.results].filter((one) => place(one) !== -1).sort((a, b) => place(a) - place(b));
  return { machine: run.machine, results };
}

/** What a run has measured, as it is kept in a file, and how a run of a part is added to it. */

import { existsSync, readFileSync } from "node:fs";
import type { Machine } from "../machine.ts";
import type { Result } from "../statistics.ts";

export interface BenchRecord {
  readonly machine: Machine;
  readonly results: readonly Result[];
}

/** What a file has; undefined where there is no such file, or nothing in it. @throws {Error} where it has something else */
export function readRecord(file: string): BenchRecord | undefined {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return text === "" ? undefined : parseRecord(text);
}

/** @throws {Error} on what is no record */
export function parseRecord(text: string): BenchRecord {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error("It is no JSON.");
  }
  const { machine, results } = (content ?? {}) as Partial<BenchRecord>;
  if (typeof machine !== "object" || !Array.isArray(results))
    throw new Error("It has something else than figures of the benchmark.");
  return { machine, results };
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

/** Reads the record of runs from its file, and adds a run of some scenarios to it. */

import { existsSync, readFileSync } from "node:fs";
import type { Machine } from "../machine.ts";
import type { Result } from "../statistics.ts";

export interface BenchRecord {
  readonly machine: Machine;
  readonly results: readonly Result[];
}

/** The record in a file; undefined where the file is missing or empty. @throws {Error} where it holds something else */
export function readRecord(file: string): BenchRecord | undefined {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return text === "" ? undefined : parseRecord(text);
}

/** Parses a record. @throws {Error} on text that is none */
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

/** The properties that make figures comparable: all but the time. */
export function kindOf({ at: _, ...kind }: Machine): string {
  return JSON.stringify(kind);
}

/**
 * The record with the run's results in place of earlier ones of the same scenarios, in the order of `names`. Results of
 * other scenarios stay, if machine and versions are the same.
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

/** The figures of the console's benchmark, their aims, and the file that keeps them. */

import { existsSync, readFileSync } from "node:fs";
import type { Machine } from "../machine.ts";
import { kindOf } from "../report/record.ts";
import { type PartName, partNames } from "./part-names.ts";

/** One figure as people read it. `isMet` is there where an aim is. */
export interface Figure {
  readonly measured: string;
  readonly result: string;
  readonly aim?: string;
  readonly isMet?: boolean;
}

export interface PartResult {
  readonly name: PartName;
  readonly figures: readonly Figure[];
  /** Everything that was measured, for who wants to look closer. */
  readonly raw: unknown;
}

export interface ConsoleRecord {
  readonly machine: Machine;
  readonly entries: number;
  readonly parts: readonly PartResult[];
}

/** The record in a file; undefined where there is none. @throws {Error} where the file holds something else */
export function readConsoleRecord(file: string): ConsoleRecord | undefined {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (text === "") return undefined;
  const { machine, entries, parts } = JSON.parse(text) as Partial<ConsoleRecord>;
  if (typeof machine !== "object" || typeof entries !== "number" || !Array.isArray(parts)) {
    throw new Error("It has something else than figures of the console's benchmark.");
  }
  return { machine, entries, parts };
}

/** The record with the run's parts in place of earlier ones of the same names. Other parts stay, if log, machine and versions are the same. */
export function added(earlier: ConsoleRecord | undefined, run: ConsoleRecord): ConsoleRecord {
  const isComparable =
    earlier !== undefined && earlier.entries === run.entries && kindOf(earlier.machine) === kindOf(run.machine);
  const kept = isComparable ? earlier.parts.filter((one) => !run.parts.some(({ name }) => name === one.name)) : [];
  const place = ({ name }: PartResult): number => partNames.indexOf(name);
  return { ...run, parts: [...kept, ...run.parts].sort((a, b) => place(a) - place(b)) };
}

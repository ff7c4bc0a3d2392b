/** A mutation: a rule of the protocol left out, or a bug put back, as an edit of the sources that must apply. */

import type { FaultKind } from "./plan.ts";
import type { SimulationName } from "./simulation.ts";
import type { SourceFaultKind } from "./sources/plan.ts";

export interface Edit {
  /** Below `src/`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  /** The rule that is left out, or the bug that is back. */
  readonly what: string;
  /** Marked ▲ in the design, a rule beside it, or a bug of CHANGELOG.md. */
  readonly of: "▲" | "rule" | "bug";
  readonly edits: readonly Edit[];
  /** The faults that concern it: histories without them are left out when it is looked for. */
  readonly faults: readonly (FaultKind | SourceFaultKind)[];
  /** The first seed of such histories that finds it, and how many of them there were until then, from seed 1 on. `kept`: see regressions.ts. */
  readonly foundBy: number | "kept";
  readonly after: number;
  /** The histories that are looked through. Default: those of components. */
  readonly simulation?: SimulationName;
}

/** The file's source with the mutation. @throws where an edit does not apply */
export function applied({ name, edits }: Mutation, file: string, source: string): string {
  let mutated = source;
  for (const edit of edits) {
    if (edit.file !== file) continue;
    const parts = mutated.split(edit.find);
    if (parts.length !== 2)
      throw new Error(`mutation "${name}" does not apply: ${file} has its text ${parts.length - 1} times, not once`);
    mutated = parts.join(edit.replace);
  }
  return mutated;
}

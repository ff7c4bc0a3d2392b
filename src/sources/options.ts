/** A source's options: defaults, bounds, and what is refused. */

import { ConfigError } from "../model/errors.ts";
import { isName } from "../model/names.ts";
import { bounded } from "../model/option-bounds.ts";

export interface SourceOptions {
  /**
   * `perPartition` (default): one run for each partition of the namespace, for an outside system that is read in as many parts. `single`: one
   * run in all, in partition 0's owner. A name keeps its kind: positions of one mean nothing to the other.
   */
  readonly runs?: "perPartition" | "single";
  /**
   * The owner of a partition is taken for dead, and its run begun elsewhere, when its row has stood still for so long, ms. Default 5,000,
   * least 500. All processes with the source should have the same.
   */
  readonly takeoverAfterMs?: number;
  /** How long a close waits for a run to end, ms. Default 10,000. */
  readonly drainTimeoutMs?: number;
}

export type ResolvedSourceOptions = Required<SourceOptions>;

/** @throws {ConfigError} naming the option, its value, and what it would do */
export function resolveSourceOptions(name: string, options: SourceOptions): ResolvedSourceOptions {
  if (!isName(name)) {
    throw new ConfigError(
      `"${name}" is no name of a source: it takes 1 to 128 of a-z, 0-9, ".", "_" and "-", beginning with a letter`,
    );
  }
  const resolved: ResolvedSourceOptions = {
    runs: options.runs ?? "perPartition",
    takeoverAfterMs: options.takeoverAfterMs ?? 5_000,
    drainTimeoutMs: options.drainTimeoutMs ?? 10_000,
  };
  for (const option of Object.keys(options)) {
    if (!(option in resolved)) throw new ConfigError(`source "${name}" has no option "${option}"`);
  }
  if (resolved.runs !== "perPartition" && resolved.runs !== "single") {
    throw new ConfigError(
      `source "${name}": runs is "${String(resolved.runs)}"; it is "perPartition", a run for each partition, or "single", one in all`,
    );
  }
  bounded(`source "${name}": takeoverAfterMs`, resolved.takeoverAfterMs, 500, 86_400_000);
  bounded(`source "${name}": drainTimeoutMs`, resolved.drainTimeoutMs, 0, 3_600_000);
  return Object.freeze(resolved);
}

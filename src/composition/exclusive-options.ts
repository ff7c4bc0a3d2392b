/** The name and options of a duty that runs in one process of many. */

import { ConfigError } from "../model/errors.ts";
import { isName } from "../model/names.ts";
import { bounded } from "../model/option-bounds.ts";

export interface ExclusiveOptions {
  /** A process that runs the duty is taken for dead when it has been silent for so long, ms. Default 5,000, least 500. */
  readonly takeoverAfterMs?: number;
}

/** @throws {ConfigError} naming the option, its value, and what it would do */
export function takeoverAfterMsOf(name: string, { takeoverAfterMs = 5_000, ...unknown }: ExclusiveOptions): number {
  if (!isName(name)) {
    throw new ConfigError(
      `"${name}" is no name of a duty: it takes 1 to 128 of a-z, 0-9, ".", "_" and "-", beginning with a letter`,
    );
  }
  for (const option of Object.keys(unknown)) throw new ConfigError(`duty "${name}" has no option "${option}"`);
  bounded(`duty "${name}": takeoverAfterMs`, takeoverAfterMs, 500, 86_400_000);
  return takeoverAfterMs;
}

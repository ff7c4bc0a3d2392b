/** Bounds of numeric options. */

import { ConfigError } from "./errors.ts";

/** Checks a numeric option. @throws {ConfigError} where the value is not a whole number from `least` to `most` */
export function bounded(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new ConfigError(`${option} is ${value}; it must be a whole number from ${least} to ${most}`);
}

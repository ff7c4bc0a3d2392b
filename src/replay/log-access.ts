/** What recording and importing need of an open backbone or observer beyond its public methods. */

import { ConfigError } from "../model/errors.ts";
import type { ExactAppender } from "../ports/exact-append.ts";
import type { Inspector } from "../ports/inspect.ts";

export interface LogAccess {
  readonly inspector: Inspector;
  /** For these channels. Undefined where only reading is possible. */
  readonly openExactAppender?: (channels: readonly string[]) => ExactAppender;
}

const accesses = new WeakMap<object, LogAccess>();

/** Called by whoever makes an `owner`. */
export function grantAccess(owner: object, access: LogAccess): void {
  accesses.set(owner, access);
}

/** @throws {ConfigError} on what is neither a backbone nor an observer of ours */
export function accessTo(owner: object): LogAccess {
  const access = accesses.get(owner);
  if (access === undefined) throw new ConfigError("this is neither a backbone nor an observer that was opened here");
  return access;
}

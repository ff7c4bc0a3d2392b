/** The access of recording and importing to an open backbone or observer, beyond its public methods. */

import { ConfigError } from "../model/errors.ts";
import type { ExactAppender } from "../ports/exact-append.ts";
import type { Inspector } from "../ports/inspect.ts";

/** The non-public access to a backbone or an observer. */
export interface LogAccess {
  readonly inspector: Inspector;
  /** Opens an appender for these channels; undefined where only reading is possible. */
  readonly openExactAppender?: (channels: readonly string[]) => ExactAppender;
}

const accesses = new WeakMap<object, LogAccess>();

/** Registers the access of an `owner`; the owner's maker calls this. */
export function grantAccess(owner: object, access: LogAccess): void {
  accesses.set(owner, access);
}

/** Finds the access of an owner. @throws {ConfigError} on an object that is neither a backbone nor an observer of Throughline */
export function accessTo(owner: object): LogAccess {
  const access = accesses.get(owner);
  if (access === undefined) throw new ConfigError("this is neither a backbone nor an observer that was opened here");
  return access;
}

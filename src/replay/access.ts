/** What recording and importing need of an open backbone or observer beyond its public methods. */

import { ConfigError } from "../errors.ts";
import type { Inspector } from "../observe/inspector.ts";

/** An entry as it is to be appended, exactly: its fields as text, or byte for byte. Names and values in turn. */
export interface ExactEntry {
  readonly channel: string;
  readonly fields: readonly string[] | readonly Buffer[];
}

/** Appends entries exactly as they are given, under new ids. */
export interface ExactAppender {
  readonly partitions: number;
  /**
   * All of them, once, in this order, after those of the calls before; resolves with their ids when Redis has appended.
   * @throws {PublishError} when Redis does not answer in time, or refuses
   */
  append(partition: number, entries: readonly ExactEntry[]): Promise<readonly string[]>;
  close(): void;
}

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

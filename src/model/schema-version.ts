/** The versions of a channel's payloads: what is known of the older ones, and how a payload of one becomes one of today's. */

import { messageOf } from "./error-message.ts";
import { ChannelError, PayloadError } from "./errors.ts";

/**
 * Makes of a payload of one version one of the next. Pure and synchronous; the payload is as it came out of JSON, and no schema has seen it.
 * (A method's type, so that its parameter may be declared as the old payload's type.)
 */
export type Upcaster = { upcast(payload: unknown): unknown }["upcast"];

/** Upcasters by the version that each begins with: `{ 1: toVersion2, 2: toVersion3 }`. */
export type Upcasters = Readonly<Record<number, Upcaster>>;

/** What is known of a channel's versions. */
export interface Versioned {
  readonly name: string;
  /** Of what is published, and of what handlers get. */
  readonly version: number;
  /** From each older version that can still be read to the next one. */
  readonly upcast: Upcasters;
}

/** The greatest version: it fits in nine digits. */
const maxVersion = 999_999_999;

/** @throws {ChannelError} where a version has no way to the next */
export function resolveVersions(name: string, version: number = 1, upcast: Upcasters = {}): Omit<Versioned, "name"> {
  if (!Number.isInteger(version) || version < 1 || version > maxVersion)
    throw new ChannelError(`channel "${name}": version is ${version}; it must be a whole number from 1`);
  const froms = Object.keys(upcast).map(Number);
  const odd = froms.find((from) => !Number.isInteger(from) || from < 1 || from >= version);
  if (odd !== undefined)
    throw new ChannelError(`channel "${name}": upcast has ${odd}; its keys are versions before ${version}, from 1`);
  const oldest = Math.min(version, ...froms);
  for (let from = oldest; from < version; from++) {
    if (typeof upcast[from] === "function") continue;
    throw new ChannelError(`channel "${name}": upcast needs a function from version ${from} to ${from + 1}`);
  }
  if (version > 1 && oldest === version) {
    throw new ChannelError(
      `channel "${name}" has version ${version} and no upcast from ${version - 1}: entries that are in the log could not be read`,
    );
  }
  return { version, upcast: Object.freeze({ ...upcast }) };
}

/**
 * A payload of an older version as one of the channel's.
 * @throws {PayloadError} naming both versions where an upcaster throws, or none begins with the version
 */
export function upcasted({ name, version, upcast }: Versioned, payload: unknown, from: number): unknown {
  let value = payload;
  for (let at = from; at < version; at++) {
    const upcaster = upcast[at];
    const refuse = (reason: string, cause?: unknown): never => {
      const what = versionsText(from, version);
      throw new PayloadError(name, [{ path: "", reason }], { what, ...(cause === undefined ? {} : { cause }) });
    };
    if (upcaster === undefined) return refuse(`the channel's definition has no upcast from ${at}`);
    try {
      value = upcaster(value);
    } catch (cause) {
      refuse(`its upcast from ${at} to ${at + 1} threw: ${messageOf(cause)}`, cause);
    }
    if (value instanceof Promise) {
      value.catch(() => undefined);
      refuse(`its upcast from ${at} to ${at + 1} gave a promise: it must be synchronous`);
    }
  }
  return value;
}

/** The payload, as an error names it. */
export function versionsText(from: number, to: number): string {
  return `the payload of version ${from}, upcast to ${to}`;
}

/** What may go from a channel, and what happens when it is full: the options, their defaults and what is refused. */

import { ChannelError } from "./errors.ts";

/**
 * What may go. What must stay is everything that some component has not finished, whatever this says; only `hardCap` with
 * `onFull: "evict"` breaks that. Trimming is done by maintenance every few seconds, never by publishers.
 */
export interface RetentionPolicy {
  /** Finished entries older than this may go, ms. */
  readonly maxAgeMs?: number;
  /** Finished entries beyond so many may go, the oldest first. Where only `hardCap` is set: half of it. */
  readonly maxEntries?: number;
  /**
   * A partition's stream never holds more entries than this, finished or not. Leave room for what is published between two
   * rounds of maintenance. Default: no cap.
   */
  readonly hardCap?: number;
  /**
   * At the hard cap: `reject` (default) refuses publishes clean and keeps settlements whose outputs do not fit waiting; `evict` removes
   * the oldest entries, unfinished or not, with an alarm and a count.
   */
  readonly onFull?: "reject" | "evict";
}

export interface Retention {
  readonly maxAgeMs: number | undefined;
  readonly maxEntries: number | undefined;
  /** 0: none. */
  readonly hardCap: number;
  readonly onFull: "reject" | "evict";
}

/** Keeps everything. */
const everything: Retention = Object.freeze({
  maxAgeMs: undefined,
  maxEntries: undefined,
  hardCap: 0,
  onFull: "reject",
});

const knownOptions: ReadonlySet<string> = new Set(["maxAgeMs", "maxEntries", "hardCap", "onFull"]);

/** @throws {ChannelError} naming the option, its value, and what it would do */
export function resolveRetention(channel: string, policy: RetentionPolicy | undefined): Retention {
  if (policy === undefined) return everything;
  for (const option of Object.keys(policy)) {
    if (!knownOptions.has(option)) throw new ChannelError(`channel "${channel}": retention has no option "${option}"`);
  }
  const { maxAgeMs, hardCap, onFull } = policy;
  const whole = (option: string, value: number | undefined): void => {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
    throw new ChannelError(`channel "${channel}": retention.${option} is ${value}; it must be a whole number from 1`);
  };
  whole("maxAgeMs", maxAgeMs);
  whole("maxEntries", policy.maxEntries);
  whole("hardCap", hardCap);
  if (onFull !== undefined && onFull !== "reject" && onFull !== "evict") {
    throw new ChannelError(
      `channel "${channel}": retention.onFull is "${String(onFull)}"; it is "reject" or "evict", where there is a hardCap`,
    );
  }
  if (onFull !== undefined && hardCap === undefined) {
    throw new ChannelError(`channel "${channel}": retention.onFull does nothing without a hardCap`);
  }
  if (hardCap !== undefined && policy.maxEntries !== undefined && policy.maxEntries > hardCap) {
    throw new ChannelError(
      `channel "${channel}": retention.maxEntries ${policy.maxEntries} is above hardCap ${hardCap}, so that the channel ` +
        "would be full before anything may go",
    );
  }
  const halfOfCap = hardCap !== undefined && maxAgeMs === undefined ? Math.max(1, Math.floor(hardCap / 2)) : undefined;
  return Object.freeze({
    maxAgeMs,
    maxEntries: policy.maxEntries ?? halfOfCap,
    hardCap: hardCap ?? 0,
    onFull: onFull ?? "reject",
  });
}

/** Whether maintenance has anything to do for it. */
export function letsGo({ maxAgeMs, maxEntries }: Retention): boolean {
  return maxAgeMs !== undefined || maxEntries !== undefined;
}

/** The hard cap as the store takes it: 0 none, above 0 reject, below 0 evict. */
export function capOf({ hardCap, onFull }: Retention): number {
  return onFull === "evict" ? -hardCap : hardCap;
}

/** As it stands in the namespace's description; "1" says that the channel exists and keeps everything. */
export function describeRetention(retention: Retention): string {
  return letsGo(retention) ? JSON.stringify(retention) : "1";
}

/** The inverse; undefined where everything is kept, and where a later version wrote what this one cannot read. */
export function parseRetention(text: string): Retention | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const { maxAgeMs, maxEntries, hardCap, onFull } = JSON.parse(text) as RetentionPolicy;
    return resolveRetention("described", {
      ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      ...(maxEntries === undefined ? {} : { maxEntries }),
      ...(hardCap === undefined || hardCap === 0 ? {} : { hardCap, ...(onFull === undefined ? {} : { onFull }) }),
    });
  } catch {
    return undefined;
  }
}

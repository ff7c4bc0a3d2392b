/** The retention options of a channel: which entries may be trimmed, what a full channel does, the defaults, and the checks. */

import { ChannelError } from "./errors.ts";

/**
 * The rule for trimming. Entries that some component has not finished stay whatever the rule says; only `hardCap` with
 * `onFull: "evict"` removes them. Maintenance trims every few seconds; publishers never do.
 */
export interface RetentionPolicy {
  /** Greatest age of finished entries, ms: older ones may be trimmed. */
  readonly maxAgeMs?: number;
  /** Number of entries that are kept: finished ones beyond it may be trimmed, the oldest first. Where only `hardCap` is set: half of it. */
  readonly maxEntries?: number;
  /**
   * Most entries that a partition's stream ever holds, finished or not. Leave room for the entries that are published between two
   * rounds of maintenance. Default: no cap.
   */
  readonly hardCap?: number;
  /**
   * The behaviour at the hard cap. `reject` (default) refuses publishes, and lets settlements wait whose outputs do not fit; nothing is
   * written partly. `evict` removes the oldest entries, unfinished or not, with an alarm and a count.
   */
  readonly onFull?: "reject" | "evict";
}

/** A checked retention policy, with its defaults. */
export interface Retention {
  readonly maxAgeMs: number | undefined;
  readonly maxEntries: number | undefined;
  /** Entries; 0 is no cap. */
  readonly hardCap: number;
  readonly onFull: "reject" | "evict";
}

/** The retention of a channel without a policy. */
const everything: Retention = Object.freeze({
  maxAgeMs: undefined,
  maxEntries: undefined,
  hardCap: 0,
  onFull: "reject",
});

const knownOptions: ReadonlySet<string> = new Set(["maxAgeMs", "maxEntries", "hardCap", "onFull"]);

/** Applies the defaults. @throws {ChannelError} naming the option, its value, and its consequence */
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

/** Tells whether the policy lets maintenance trim anything. */
export function letsGo({ maxAgeMs, maxEntries }: Retention): boolean {
  return maxAgeMs !== undefined || maxEntries !== undefined;
}

/** The hard cap as the store takes it: 0 is no cap; above 0 a full channel rejects, below 0 it evicts. */
export function capOf({ hardCap, onFull }: Retention): number {
  return onFull === "evict" ? -hardCap : hardCap;
}

/** The text that the namespace's description holds for a channel; "1" says that the channel exists and keeps everything. */
export function describeRetention(retention: Retention): string {
  return letsGo(retention) ? JSON.stringify(retention) : "1";
}

/** The inverse of `describeRetention`; undefined where everything is kept, and on text of a later version that this one cannot read. */
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

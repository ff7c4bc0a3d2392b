/** The options of a component that owns its partitions: defaults, bounds, and what is refused. */

import { ConfigError } from "../model/errors.ts";
import { bounded } from "../model/option-bounds.ts";

export interface OwnerOptions {
  /** Handlers that run at once in this member, for different keys. Default 16. */
  readonly concurrency?: number;
  /** Most entries in flight: read and not settled. Default 1,000. */
  readonly maxInFlight?: number;
  /** An owner is taken for dead when its row has stood still for so long, ms. Default 5,000, least 500. */
  readonly takeoverAfterMs?: number;
  /** How long a drain waits for handlers that were started, ms. Default 10,000. */
  readonly drainTimeoutMs?: number;
  /** Where a component begins on a channel that it never had: at the oldest entry (default), or after the newest. */
  readonly from?: "start" | "now";
  /** Most events that one attempt may publish, and most keys of state that it may write. Default 10,000. */
  readonly maxOutputs?: number;
  /** Bytes of what one attempt publishes, as an estimate; a single event may have more. Default 16 MiB. */
  readonly maxOutputBytes?: number;
}

export type ResolvedOwnerOptions = Required<OwnerOptions>;

/** @throws {ConfigError} naming the option, its value, and what it would do */
export function resolveOwnerOptions(name: string, options: OwnerOptions): ResolvedOwnerOptions {
  if (!/^[a-z][a-z0-9._-]{0,127}$/.test(name)) {
    throw new ConfigError(
      `"${name}" is no component name: it takes 1 to 128 of a-z, 0-9, ".", "_" and "-", beginning with a letter`,
    );
  }
  const resolved: ResolvedOwnerOptions = {
    concurrency: options.concurrency ?? 16,
    maxInFlight: options.maxInFlight ?? 1_000,
    takeoverAfterMs: options.takeoverAfterMs ?? 5_000,
    drainTimeoutMs: options.drainTimeoutMs ?? 10_000,
    from: options.from ?? "start",
    maxOutputs: options.maxOutputs ?? 10_000,
    maxOutputBytes: options.maxOutputBytes ?? 16_777_216,
  };
  for (const option of Object.keys(options)) {
    if (!(option in resolved)) throw new ConfigError(`component "${name}" has no option "${option}"`);
  }
  const of = `component "${name}": `;
  bounded(`${of}concurrency`, resolved.concurrency, 1, 10_000);
  bounded(`${of}maxInFlight`, resolved.maxInFlight, 1, 100_000);
  bounded(`${of}takeoverAfterMs`, resolved.takeoverAfterMs, 500, 86_400_000);
  bounded(`${of}drainTimeoutMs`, resolved.drainTimeoutMs, 0, 3_600_000);
  bounded(`${of}maxOutputs`, resolved.maxOutputs, 1, 10_000_000);
  bounded(`${of}maxOutputBytes`, resolved.maxOutputBytes, 1_024, 2 ** 30);
  if (resolved.maxInFlight < resolved.concurrency) {
    throw new ConfigError(
      `component "${name}": maxInFlight ${resolved.maxInFlight} is below concurrency ${resolved.concurrency}, which could then never be reached`,
    );
  }
  if (resolved.from !== "start" && resolved.from !== "now") {
    throw new ConfigError(`component "${name}": from is "${String(resolved.from)}"; it is "start" or "now"`);
  }
  return Object.freeze(resolved);
}

/** An owner renews its row, and watchers look at it, so often, ms. */
export function beatMsOf(takeoverAfterMs: number): number {
  return Math.min(250, takeoverAfterMs / 8);
}

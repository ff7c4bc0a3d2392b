/** A component's options: defaults, bounds, and what is refused. */

import { ConfigError } from "../model/errors.ts";
import { bounded } from "../model/option-bounds.ts";

export interface ComponentOptions {
  /** Handlers that run at once in this member, for different keys. Default 16. */
  readonly concurrency?: number;
  /** Most entries in flight: read and not settled. Default 1,000. */
  readonly maxInFlight?: number;
  /**
   * The owner of a partition is taken for dead, and the partition taken over, when its row has stood still for so long, ms. Default 5,000,
   * least 500. All members of a component should have the same.
   */
  readonly takeoverAfterMs?: number;
  /** How long a drain waits for handlers that were started, ms. Default 10,000. */
  readonly drainTimeoutMs?: number;
  /**
   * Handlers that run for longer are told of, ms: the oldest one by a warning, then again each time that it has run for twice as long; and
   * the component is not ready while nothing but such handlers runs and others wait for them. Default 30,000.
   */
  readonly slowHandlerMs?: number;
  /** Where a component begins on a channel that it never had: at the oldest entry (default), or after the newest. */
  readonly from?: "start" | "now";
  /**
   * Most events that one attempt may publish, and most keys of state that it may write; an attempt that asks for more fails. A settlement
   * is one script, and Redis does nothing else while it runs: 10 to 35 µs for each. Default 10,000, some 0.1 to 0.3 s.
   */
  readonly maxOutputs?: number;
  /** Bytes of what one attempt publishes, as an estimate; a single event may have more. Default 16 MiB, some 0.1 to 0.3 s of Redis. */
  readonly maxOutputBytes?: number;
  /** Whether Redis keeps the order in which entries were settled, which a replay of the component goes by. Default true. */
  readonly settlementLog?: boolean;
}

export type ResolvedComponentOptions = Required<ComponentOptions>;

/** @throws {ConfigError} naming the option, its value, and what it would do */
export function resolveComponentOptions(name: string, options: ComponentOptions): ResolvedComponentOptions {
  if (!/^[a-z][a-z0-9._-]{0,127}$/.test(name)) {
    throw new ConfigError(
      `"${name}" is no component name: it takes 1 to 128 of a-z, 0-9, ".", "_" and "-", beginning with a letter`,
    );
  }
  const resolved: ResolvedComponentOptions = {
    concurrency: options.concurrency ?? 16,
    maxInFlight: options.maxInFlight ?? 1_000,
    takeoverAfterMs: options.takeoverAfterMs ?? 5_000,
    drainTimeoutMs: options.drainTimeoutMs ?? 10_000,
    slowHandlerMs: options.slowHandlerMs ?? 30_000,
    from: options.from ?? "start",
    maxOutputs: options.maxOutputs ?? 10_000,
    maxOutputBytes: options.maxOutputBytes ?? 16_777_216,
    settlementLog: options.settlementLog ?? true,
  };
  for (const option of Object.keys(options)) {
    if (!(option in resolved)) throw new ConfigError(`component "${name}" has no option "${option}"`);
  }
  const of = `component "${name}": `;
  bounded(`${of}concurrency`, resolved.concurrency, 1, 10_000);
  bounded(`${of}maxInFlight`, resolved.maxInFlight, 1, 100_000);
  bounded(`${of}takeoverAfterMs`, resolved.takeoverAfterMs, 500, 86_400_000);
  bounded(`${of}drainTimeoutMs`, resolved.drainTimeoutMs, 0, 3_600_000);
  bounded(`${of}slowHandlerMs`, resolved.slowHandlerMs, 10, 86_400_000);
  bounded(`${of}maxOutputs`, resolved.maxOutputs, 1, 10_000_000);
  bounded(`${of}maxOutputBytes`, resolved.maxOutputBytes, 1_024, 2 ** 30);
  if (resolved.maxInFlight < resolved.concurrency) {
    throw new ConfigError(
      `${of}maxInFlight ${resolved.maxInFlight} is below concurrency ${resolved.concurrency}, which could then never be reached`,
    );
  }
  if (resolved.from !== "start" && resolved.from !== "now") {
    throw new ConfigError(`${of}from is "${String(resolved.from)}"; it is "start" or "now"`);
  }
  if (typeof resolved.settlementLog !== "boolean") {
    throw new ConfigError(`${of}settlementLog is ${String(resolved.settlementLog)}; it is true or false`);
  }
  return Object.freeze(resolved);
}

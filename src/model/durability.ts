/** The durability that an acknowledgement waits for, beside the server's own `appendfsync`. */

import { ConfigError } from "./errors.ts";
import { bounded } from "./option-bounds.ts";

/** The confirmation that Redis gives by WAITAOF and WAIT; it needs at least one of `fsync` and `replicas`. */
export interface Durability {
  /**
   * `local`: synced to the server's disk. A number: synced there and on the disks of that many replicas. Needs Redis 7.2 and
   * `appendonly yes`.
   */
  readonly fsync?: "local" | number;
  /** Number of replicas that have the write in memory. */
  readonly replicas?: number;
  /** Longest wait for the confirmation, 1 to 10,000 ms. The connection, and everything on it, waits that long at most. */
  readonly timeoutMs: number;
}

/** Checked durability, with its defaults. */
export interface ResolvedDurability {
  /** Replicas that must have synced, beside the server itself; undefined where no sync is asked for. */
  readonly fsync: number | undefined;
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** Checks the option; gives undefined for `server`. @throws {ConfigError} on an option that is unknown or out of bounds */
export function resolveDurability(durability: "server" | Durability): ResolvedDurability | undefined {
  if (durability === "server") return undefined;
  if (typeof durability !== "object")
    throw new ConfigError(`durability is "${String(durability)}"; it is "server" or an object`);
  const { fsync, replicas, timeoutMs, ...unknown } = durability;
  const [option] = Object.keys(unknown);
  if (option !== undefined) throw new ConfigError(`durability has no option "${option}"`);
  if (fsync === undefined && replicas === undefined) {
    throw new ConfigError('durability asks for nothing: name fsync or replicas, or leave it at "server"');
  }
  if (fsync !== undefined && fsync !== "local") bounded("durability.fsync", fsync, 1, 100);
  if (replicas !== undefined) bounded("durability.replicas", replicas, 1, 100);
  bounded("durability.timeoutMs", timeoutMs, 1, 10_000);
  return Object.freeze({ fsync: fsync === "local" ? 0 : fsync, replicas: replicas ?? 0, timeoutMs });
}

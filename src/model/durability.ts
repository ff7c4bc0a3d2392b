/** The durability that an acknowledgement waits for, beside the server's own `appendfsync`. */

import { ConfigError } from "./errors.ts";
import { bounded } from "./option-bounds.ts";

/** What Redis confirms by WAITAOF and WAIT; at least one of `fsync` and `replicas`. */
export interface Durability {
  /** `local`: synced to the server's disk. A number: there, and on that many replicas' disks. Needs Redis 7.2 and `appendonly yes`. */
  readonly fsync?: "local" | number;
  /** Replicas that have it in memory. */
  readonly replicas?: number;
  /** How long Redis may take to confirm, 1 to 10,000 ms. The connection waits that long at most, and everything on it. */
  readonly timeoutMs: number;
}

export interface ResolvedDurability {
  /** Replicas that must have synced, beside the server itself; undefined: no sync is asked for. */
  readonly fsync: number | undefined;
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** Undefined for `server`. @throws {ConfigError} */
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

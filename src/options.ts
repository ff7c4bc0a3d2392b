/** A backbone's options: defaults, bounds, and what is refused. */

import { ConfigError } from "./errors.ts";
import type { Log } from "./ports/log.ts";
import { escaped } from "./safe-text.ts";

/** How the server's certificate is checked, and what is shown of our own. PEM text; each default is Node's. */
export interface TlsOptions {
  /** The authorities that are trusted, in place of the well-known ones. */
  readonly ca?: string;
  /** A client certificate, for a server that asks for one; with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate must be for, where that is not the URL's host. */
  readonly servername?: string;
}

export interface BackboneOptions {
  /** redis://, rediss:// or unix://. Default redis://127.0.0.1:6379. */
  readonly url?: string;
  /** For a rediss:// URL. A certificate that does not hold is refused. */
  readonly tls?: TlsOptions;
  /** Whose channels: 1 to 64 of `a-z 0-9 . _ -`. Backbones of one namespace share everything, of two nothing. */
  readonly namespace: string;
  /** Slices of the namespace; fixed when it is first used. Default 1. */
  readonly partitions?: number;
  /** Default: warnings and errors as JSON lines on standard error. */
  readonly log?: Log;
  /** Gives up waiting for a Redis that is away. */
  readonly signal?: AbortSignal;
  /** How long a publish waits for its acknowledgement, ms. Default 30,000. */
  readonly publishTimeoutMs?: number;
  /** Publishes that may wait for Redis at once; one more is rejected. Default 100,000. */
  readonly maxPending?: number;
  /** Bytes of publishes that may wait. Default 64 MiB. */
  readonly maxPendingBytes?: number;
  /**
   * What an acknowledgement waits for beside the server's own `appendfsync`, which `server` (default) leaves it at. A publish that is
   * not as durable in time fails as `unknown`; a settlement goes on asking, with an alarm each time.
   */
  readonly durability?: "server" | Durability;
  /**
   * A server whose `maxmemory-policy` is not `noeviction` is refused. `accept` takes it all the same: once its memory is full it may append and
   * handle events twice, and lose channels and state (docs/guarantees.md). Default `refuse`.
   */
  readonly eviction?: "refuse" | "accept";
  /** How often maintenance trims, once among all processes of the namespace, ms. Default 5,000. */
  readonly maintenanceEveryMs?: number;
  /** Keeps the Redis instrumentation's spans of the backbone's own commands. Default false. */
  readonly redisSpans?: boolean;
}

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

export type ResolvedBackboneOptions = Required<Omit<BackboneOptions, "signal" | "tls" | "durability">> & {
  readonly durability: ResolvedDurability | undefined;
  readonly signal: AbortSignal | undefined;
  readonly tls: TlsOptions | undefined;
};

/** @throws {ConfigError} naming the option, its value, and what it would do */
export function resolveBackboneOptions(options: BackboneOptions): ResolvedBackboneOptions {
  const resolved: ResolvedBackboneOptions = {
    url: options.url ?? "redis://127.0.0.1:6379",
    tls: options.tls === undefined ? undefined : resolveTls(options.tls),
    namespace: options.namespace,
    partitions: options.partitions ?? 1,
    log: options.log ?? standardErrorLog,
    signal: options.signal,
    publishTimeoutMs: options.publishTimeoutMs ?? 30_000,
    maxPending: options.maxPending ?? 100_000,
    maxPendingBytes: options.maxPendingBytes ?? 67_108_864,
    durability: resolveDurability(options.durability ?? "server"),
    eviction: options.eviction ?? "refuse",
    maintenanceEveryMs: options.maintenanceEveryMs ?? 5_000,
    redisSpans: options.redisSpans ?? false,
  };
  for (const option of Object.keys(options)) {
    if (!(option in resolved)) throw new ConfigError(`a backbone has no option "${option}"`);
  }
  if (!isNamespace(resolved.namespace)) {
    throw new ConfigError(
      `"${resolved.namespace}" is no namespace: it takes 1 to 64 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit`,
    );
  }
  bounded("partitions", resolved.partitions, 1, 1_024);
  bounded("publishTimeoutMs", resolved.publishTimeoutMs, 1, 86_400_000);
  bounded("maxPending", resolved.maxPending, 1, 100_000_000);
  bounded("maxPendingBytes", resolved.maxPendingBytes, 1_024, 2 ** 40);
  if (resolved.eviction !== "refuse" && resolved.eviction !== "accept")
    throw new ConfigError(`eviction is "${String(resolved.eviction)}"; it is "refuse" or "accept"`);
  bounded("maintenanceEveryMs", resolved.maintenanceEveryMs, 100, 86_400_000);
  return Object.freeze(resolved);
}

/** @throws {ConfigError} on what would be left out in silence */
export function resolveTls(tls: TlsOptions): TlsOptions {
  for (const [option, value] of Object.entries(tls)) {
    if (!["ca", "cert", "key", "servername"].includes(option)) throw new ConfigError(`tls has no option "${option}"`);
    if (typeof value !== "string" || value === "")
      throw new ConfigError(`tls.${option} must be a text that is not empty`);
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new ConfigError("tls.cert and tls.key go together: without the other, no client certificate can be shown");
  }
  return Object.freeze({ ...tls });
}

function resolveDurability(durability: "server" | Durability): ResolvedDurability | undefined {
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

/** Whether a text can name a namespace: it stands in keys, inside a hash tag. */
export function isNamespace(text: unknown): text is string {
  return typeof text === "string" && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text);
}

function bounded(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new ConfigError(`${option} is ${value}; it must be a whole number from ${least} to ${most}`);
}

function line(level: string): (fields: object, text: string) => void {
  return (fields, text) => {
    process.stderr.write(`${escaped(JSON.stringify({ level, time: new Date().toISOString(), ...fields, text }))}\n`);
  };
}

/** For whoever passes no log: what needs attention is not kept quiet. */
const standardErrorLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: line("warn"),
  error: line("error"),
};

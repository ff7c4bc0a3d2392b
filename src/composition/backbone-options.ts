/** Resolves a backbone's options: applies defaults and bounds, and refuses what cannot work. */

import { type Durability, type ResolvedDurability, resolveDurability } from "../model/durability.ts";
import { ConfigError } from "../model/errors.ts";
import { isNamespace } from "../model/names.ts";
import { bounded } from "../model/option-bounds.ts";
import { escaped } from "../model/safe-text.ts";
import type { SentinelPlace } from "../model/servers.ts";
import { resolveTls, type TlsOptions } from "../model/tls-options.ts";
import type { Log } from "../ports/log.ts";
import type { WantedPartitions } from "../redis/namespace.ts";
import type { PublishInHandlers } from "./publishing-rule.ts";

export interface BackboneOptions {
  /** redis://, rediss:// or unix://. Default redis://127.0.0.1:6379. With `sentinel` only its login, database and scheme count. */
  readonly url?: string | undefined;
  /** In place of `url`: URLs of some nodes of a Redis or Valkey Cluster, with one login and scheme; the others are found. */
  readonly cluster?: readonly string[] | undefined;
  /** The Sentinels' URLs, with their own login where they have one, and the name under which they know the primary. */
  readonly sentinel?: SentinelPlace | undefined;
  /** TLS for a rediss:// URL. A certificate that does not hold is refused. */
  readonly tls?: TlsOptions;
  /**
   * The namespace: 1 to 64 of `a-z 0-9 . _ -`. Backbones of one namespace share everything, those of two share nothing.
   */
  readonly namespace: string;
  /**
   * The number of slices of the namespace, 1 to 1,024; fixed when it is first used. A number that is not the namespace's is refused.
   * `ifNew`: of a namespace that nothing has used yet; any other is taken as it is. Default: `{ ifNew: 1 }`.
   */
  readonly partitions?: number | { readonly ifNew: number };
  /** Default: warnings and errors as JSON lines on standard error. */
  readonly log?: Log;
  /** Aborts the wait for a Redis that is away. */
  readonly signal?: AbortSignal;
  /**
   * How long `connectBackbone` waits for a Redis that is away, ms; then it rejects with the reason. A backbone that has connected waits for as
   * long as its Redis is away, whatever is said here. Default: no limit; the log says at once what is wrong.
   */
  readonly connectTimeoutMs?: number;
  /** Longest wait of a publish for its acknowledgement, ms. Default 30,000. */
  readonly publishTimeoutMs?: number;
  /** Most publishes that may wait for Redis at once; one more is rejected. Default 100,000. */
  readonly maxPending?: number;
  /** Most bytes of publishes that may wait. Default 64 MiB. */
  readonly maxPendingBytes?: number;
  /**
   * The durability that an acknowledgement waits for. `server` (default) waits for the server's own `appendfsync` only.
   * A publish that is not as durable in time fails as `unknown`; a settlement asks again, with an alarm each time.
   */
  readonly durability?: "server" | Durability;
  /**
   * Decides about a server whose `maxmemory-policy` is not `noeviction`. `refuse` (default) does not connect to it.
   * `accept` does: once its memory is full it may append and handle events twice, and lose channels and state
   * (docs/reference/guarantees.md).
   */
  readonly eviction?: "refuse" | "accept";
  /** Period in which one process of the namespace trims its channels, ms. Default 5,000. */
  readonly maintenanceEveryMs?: number;
  /**
   * `allow`: keys of baggage that no payload has, such as a tenant. They travel where `withBaggage` or a publish sets them. The keys that
   * channels' correlations name travel by themselves, and continue with everything that comes of the event. Default: none.
   */
  readonly baggage?: { readonly allow: readonly string[] };
  /**
   * Decides about `publish`, `publishAll` and notifiers of this backbone inside its own handlers, which append at once, whatever becomes of the
   * event. `warn` (default) says so once for each component, `refuse` rejects them with a `ConfigError`, `accept` says nothing.
   */
  readonly publishInHandlers?: PublishInHandlers;
  /** Keeps the spans that the Redis instrumentation makes of the backbone's own commands. Default false. */
  readonly redisSpans?: boolean;
}

export type ResolvedBackboneOptions = Required<
  Omit<
    BackboneOptions,
    "url" | "cluster" | "sentinel" | "signal" | "tls" | "durability" | "connectTimeoutMs" | "partitions"
  >
> & {
  readonly url: string | undefined;
  readonly cluster: readonly string[] | undefined;
  readonly sentinel: SentinelPlace | undefined;
  readonly partitions: WantedPartitions;
  readonly connectTimeoutMs: number | undefined;
  readonly durability: ResolvedDurability | undefined;
  readonly signal: AbortSignal | undefined;
  readonly tls: TlsOptions | undefined;
};

/** Applies the defaults. @throws {ConfigError} naming the option, its value, and what it would do */
export function resolveBackboneOptions(options: BackboneOptions): ResolvedBackboneOptions {
  const resolved: ResolvedBackboneOptions = {
    url: options.url,
    cluster: options.cluster,
    sentinel: options.sentinel,
    tls: options.tls === undefined ? undefined : resolveTls(options.tls),
    namespace: options.namespace,
    partitions: wantedPartitions(options.partitions),
    log: options.log ?? standardErrorLog,
    signal: options.signal,
    connectTimeoutMs: options.connectTimeoutMs,
    publishTimeoutMs: options.publishTimeoutMs ?? 30_000,
    maxPending: options.maxPending ?? 100_000,
    maxPendingBytes: options.maxPendingBytes ?? 67_108_864,
    durability: resolveDurability(options.durability ?? "server"),
    eviction: options.eviction ?? "refuse",
    maintenanceEveryMs: options.maintenanceEveryMs ?? 5_000,
    baggage: resolveBaggage(options.baggage),
    publishInHandlers: options.publishInHandlers ?? "warn",
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
  bounded("partitions", resolved.partitions.count, 1, 1_024);
  if (resolved.connectTimeoutMs !== undefined) bounded("connectTimeoutMs", resolved.connectTimeoutMs, 1, 86_400_000);
  bounded("publishTimeoutMs", resolved.publishTimeoutMs, 1, 86_400_000);
  bounded("maxPending", resolved.maxPending, 1, 100_000_000);
  bounded("maxPendingBytes", resolved.maxPendingBytes, 1_024, 2 ** 40);
  if (resolved.eviction !== "refuse" && resolved.eviction !== "accept")
    throw new ConfigError(`eviction is "${String(resolved.eviction)}"; it is "refuse" or "accept"`);
  if (!["warn", "refuse", "accept"].includes(resolved.publishInHandlers))
    throw new ConfigError(
      `publishInHandlers is "${String(resolved.publishInHandlers)}"; it is "warn", "refuse" or "accept"`,
    );
  bounded("maintenanceEveryMs", resolved.maintenanceEveryMs, 100, 86_400_000);
  return Object.freeze(resolved);
}

function wantedPartitions(partitions: BackboneOptions["partitions"] = { ifNew: 1 }): WantedPartitions {
  if (typeof partitions === "number") return { count: partitions, isRequired: true };
  const [option = "", ...others] = Object.keys(partitions ?? {});
  if (option !== "ifNew" || others.length > 0)
    throw new ConfigError(`partitions is ${JSON.stringify(partitions)}; it is a number, or { ifNew: number }`);
  return { count: partitions.ifNew, isRequired: false };
}

/** The keys themselves are checked where the limits are. */
function resolveBaggage(baggage: BackboneOptions["baggage"] = { allow: [] }): { readonly allow: readonly string[] } {
  for (const option of Object.keys(baggage)) {
    if (option !== "allow") throw new ConfigError(`baggage has no option "${option}"`);
  }
  if (!Array.isArray(baggage.allow)) throw new ConfigError("baggage.allow must be a list of keys");
  return Object.freeze({ allow: Object.freeze([...new Set(baggage.allow)]) });
}

function line(level: string): (fields: object, text: string) => void {
  return (fields, text) => {
    process.stderr.write(`${escaped(JSON.stringify({ level, time: new Date().toISOString(), ...fields, text }))}\n`);
  };
}

/**
 * Writes warnings and errors to standard error, for a backbone without a log: what needs attention is not kept quiet.
 */
const standardErrorLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: line("warn"),
  error: line("error"),
};

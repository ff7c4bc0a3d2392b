/** Connects a backbone: options in, the parts that need an answer of Redis out. */

import { ConfigError, StoreError } from "../model/errors.ts";
import type { Quietly, Tracing } from "../ports/tracing.ts";
import { Connection } from "../redis/client/connection.ts";
import { refuseWithoutDurability } from "../redis/client/durability.ts";
import { EvictionWatch } from "../redis/client/eviction-watch.ts";
import { reasonOf } from "../redis/client/failures.ts";
import { ServerClock } from "../redis/client/server-clock.ts";
import { type Topology, topologyOf } from "../redis/client/topology.ts";
import { Keys } from "../redis/keys.ts";
import { Namespace } from "../redis/namespace.ts";
import { createTracing } from "../tracing/tracer.ts";
import type { Backbone } from "./backbone.ts";
import { type BackboneOptions, type ResolvedBackboneOptions, resolveBackboneOptions } from "./backbone-options.ts";
import type { BackboneParts } from "./backbone-parts.ts";
import { ConnectedBackbone } from "./connected-backbone.ts";
import { silenceMs as leastSilenceMs } from "./connection.ts";

/**
 * Connects and opens the namespace. Waits for as long as Redis is away, or for `connectTimeoutMs`; the log says at once what is wrong.
 * @throws {ConfigError} on options, a server or a namespace that cannot be worked with; nothing was written then
 * @throws {StoreError} when `connectTimeoutMs` is over; its cause is the system's error, such as ECONNREFUSED
 */
export async function connectBackbone(options: BackboneOptions): Promise<Backbone> {
  const resolved = resolveBackboneOptions(options);
  const { durability, connectTimeoutMs } = resolved;
  const keys = new Keys(resolved.namespace);
  let clock: ServerClock | undefined;
  const { log, redisSpans } = resolved;
  const topology = topologyOf(resolved, resolved.tls);
  const serverNow = (): number => clock?.now() ?? Date.now();
  const { namespace: name, baggage } = resolved;
  const tracing = createTracing({
    log,
    namespace: name,
    redisSpans,
    serverNow,
    allow: baggage.allow,
    ...serverOf(topology),
  });
  const open = openerOf(resolved, topology, tracing);
  const connection = open("publish", keys.meta());
  const limit = connectTimeoutMs === undefined ? undefined : AbortSignal.timeout(connectTimeoutMs);
  const signals = [resolved.signal, limit].filter((one) => one !== undefined);
  const signal = signals.length === 0 ? undefined : AbortSignal.any(signals);
  // A question that the server has not answered is not waited for, either.
  const cut = (): void => connection.close();
  limit?.addEventListener("abort", cut, { once: true });
  try {
    const namespace = await Namespace.open(connection, keys, resolved.partitions, signal);
    if (durability !== undefined) await refuseWithoutDurability(connection, durability, signal);
    const eviction = await EvictionWatch.begin(connection, { log, isAccepted: resolved.eviction === "accept", signal });
    clock = new ServerClock(connection);
    await clock.measure().catch(() => undefined); // until it succeeds, the host's clock is used
    return new ConnectedBackbone({
      options: resolved,
      keys,
      topology,
      namespace,
      tracing,
      open,
      connection,
      clock,
      eviction,
    });
  } catch (error) {
    connection.close();
    if (limit?.aborted !== true || resolved.signal?.aborted === true || error instanceof ConfigError) throw error;
    const { awayBecause } = connection;
    const reason = awayBecause === undefined ? "no answer" : reasonOf(awayBecause);
    const text = `no Redis at ${topology.place} within ${connectTimeoutMs} ms: ${reason}`;
    throw new StoreError(text, { cause: awayBecause ?? error });
  } finally {
    limit?.removeEventListener("abort", cut);
  }
}

/**
 * Opens connections for the backbone. The wait for a durability counts as silence, so that it makes the limit longer.
 */
function openerOf(
  { log, durability }: ResolvedBackboneOptions,
  topology: Topology,
  tracing: Tracing,
): BackboneParts["open"] {
  const silenceMs = leastSilenceMs + (durability?.timeoutMs ?? 0);
  const quietly: Quietly = (run) => tracing.quietly(run);
  return (purpose, key) => new Connection({ topology, key, log, silenceMs, purpose, quietly });
}

/** The server's host and port for the spans; of several the first that was given. A socket's path is its address. */
export function serverOf({ address: { host, port, path } }: Pick<Topology, "address">): {
  readonly server: { readonly address: string; readonly port?: number };
} {
  if (path !== undefined) return { server: { address: path } };
  return { server: { address: host ?? "127.0.0.1", ...(port === undefined ? {} : { port }) } };
}

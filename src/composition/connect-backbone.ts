/** Connects a backbone: options in, the parts that need an answer of Redis out. */

import { ConfigError, StoreError } from "../model/errors.ts";
import type { Tracing } from "../ports/tracing.ts";
import { parseRedisUrl } from "../redis/client/address.ts";
import { Connection, reasonOf } from "../redis/client/connection.ts";
import { refuseWithoutDurability } from "../redis/client/durability.ts";
import { EvictionWatch } from "../redis/client/eviction-watch.ts";
import { ServerClock } from "../redis/client/server-clock.ts";
import { Keys } from "../redis/keys.ts";
import { Namespace } from "../redis/namespace.ts";
import { createTracing } from "../tracing/tracer.ts";
import type { Backbone } from "./backbone.ts";
import { type BackboneOptions, type ResolvedBackboneOptions, resolveBackboneOptions } from "./backbone-options.ts";
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
  const { log, redisSpans, url } = resolved;
  const serverNow = (): number => clock?.now() ?? Date.now();
  const tracing = createTracing({ log, redisSpans, serverNow, allow: resolved.baggage.allow, ...serverOf(url) });
  const open = openerOf(resolved, tracing);
  const connection = open("publish");
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
    const text = `no Redis at ${placeOf(url)} within ${connectTimeoutMs} ms: ${reason}`;
    throw new StoreError(text, { cause: awayBecause ?? error });
  } finally {
    limit?.removeEventListener("abort", cut);
  }
}

/** The server's place in a URL, without the login. */
function placeOf(url: string): string {
  const { host, port, path } = parseRedisUrl(url);
  return path ?? `${host}:${port}`;
}

/**
 * Opens connections for the backbone. The wait for a durability counts as silence, so that it makes the limit longer.
 */
function openerOf(
  { url, tls, log, durability }: ResolvedBackboneOptions,
  tracing: Tracing,
): (purpose: string) => Connection {
  const silenceMs = leastSilenceMs + (durability?.timeoutMs ?? 0);
  return (purpose) => new Connection({ url, tls, log, silenceMs, purpose, quietly: (run) => tracing.quietly(run) });
}

/** The server's host and port for the spans. A socket's path is its address. */
function serverOf(url: string): { server?: { address: string; port?: number } } {
  const { host, port, path } = parseRedisUrl(url);
  if (path !== undefined) return { server: { address: path } };
  return { server: { address: host ?? "127.0.0.1", ...(port === undefined ? {} : { port }) } };
}

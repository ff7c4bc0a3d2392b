/** Options for clients of ioredis, so that none sends a command before its handshake is complete. */

import type { RedisOptions } from "ioredis";
import { ConfigError } from "../../model/errors.ts";
import type { ServersPlace } from "../../model/servers.ts";
import type { TlsOptions } from "../../model/tls-options.ts";
import { HandshakeConnector, type HandshakeOptions } from "./handshake.ts";
import { type Topology, topologyOf } from "./topology.ts";

/** The options of a client, in ioredis's words. */
export interface RedisClientOptions {
  host?: string;
  port?: number;
  path?: string;
  /** Opens sockets that are logged in and on their database. */
  Connector: NonNullable<RedisOptions["Connector"]>;
  protocol: 2;
  disableClientInfo: true;
  /** Where the server is not the right one any more: 2 connects again, and sends the command again, which has not run. */
  reconnectOnError?: (error: Error) => boolean | 1 | 2;
}

/** Longest time for connecting and the handshake, ms. */
export const handshakeTimeoutMs = 5_000;

/** Replies of a server that does not have the key any more, or takes no writes. The command has not run. */
export const elsewhere: RegExp = /^(MOVED|ASK|READONLY|CLUSTERDOWN) /;

/**
 * Options for an ioredis client of your own beside the backbone. It is logged in, on its database and named before it
 * sends anything; a refusal of one of these counts as a lost connection. ioredis by itself would go on in database 0
 * when SELECT is refused. `servers`: a URL, redis://, rediss:// or unix://; or the place of a cluster or of Sentinels, as the backbone takes
 * it. On a cluster the client stays at the node that has `key`, wherever that moves: all its keys must share a hash tag with it.
 * @throws {ConfigError} on a URL that cannot be read, and on a cluster without a key
 */
export function redisClientOptions(servers: string | ServersPlace, tls?: TlsOptions, key?: string): RedisClientOptions {
  const topology = topologyOf(typeof servers === "string" ? { url: servers } : servers, tls);
  if (topology.kind === "cluster" && key === undefined)
    throw new ConfigError(
      "a client of a cluster needs a key: the node that has its slot is the one that is connected to",
    );
  return nodeClientOptions(topology, key ?? "");
}

/** Likewise, for a topology that others use, too. */
export function nodeClientOptions(topology: Topology, key: string): RedisClientOptions {
  const options = clientOptions(topology, key, { timeoutMs: handshakeTimeoutMs });
  if (topology.kind === "server") return options;
  return {
    ...options,
    reconnectOnError: ({ message }) => {
      if (!elsewhere.test(message)) return false;
      topology.outdated();
      return 2;
    },
  };
}

/**
 * The options for the server that has the key. They keep login, name and database from the client, so that its own handshake has nothing
 * to send.
 */
export function clientOptions(topology: Topology, key: string, handshake: HandshakeOptions): RedisClientOptions {
  const { host, port, path } = topology.address;
  return {
    ...(path === undefined ? { ...(host !== undefined && { host }), ...(port !== undefined && { port }) } : { path }),
    Connector: class extends HandshakeConnector {
      constructor() {
        super(topology, key, handshake);
      }
    },
    protocol: 2,
    disableClientInfo: true,
  };
}

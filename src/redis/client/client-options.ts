/** Options for clients of ioredis, so that none sends a command before its handshake is complete. */

import type { RedisOptions } from "ioredis";
import type { TlsOptions } from "../../model/tls-options.ts";
import { parseRedisUrl, type RedisAddress } from "./address.ts";
import { HandshakeConnector, type HandshakeOptions } from "./handshake.ts";

/** The options of a client, in ioredis's words. */
export interface RedisClientOptions {
  host?: string;
  port?: number;
  path?: string;
  /** Opens sockets that are logged in and on their database. */
  Connector: NonNullable<RedisOptions["Connector"]>;
  protocol: 2;
  disableClientInfo: true;
}

/** Longest time for connecting and the handshake, ms. */
export const handshakeTimeoutMs = 5_000;

/**
 * Options for an ioredis client of your own beside the backbone. It is logged in, on its database and named before it
 * sends anything; a refusal of one of these counts as a lost connection. ioredis by itself would go on in database 0
 * when SELECT is refused. `url`: redis://, rediss:// or unix://.
 * @throws {ConfigError} on a URL that cannot be read
 */
export function redisClientOptions(url: string, tls?: TlsOptions): RedisClientOptions {
  return clientOptions(parseRedisUrl(url, tls), { timeoutMs: handshakeTimeoutMs });
}

/**
 * The options for an address. They keep login, name and database from the client, so that its own handshake has nothing
 * to send.
 */
export function clientOptions(address: RedisAddress, handshake: HandshakeOptions): RedisClientOptions {
  const { host, port, path } = address;
  return {
    ...(path === undefined ? { ...(host !== undefined && { host }), ...(port !== undefined && { port }) } : { path }),
    Connector: class extends HandshakeConnector {
      constructor() {
        super(address, handshake);
      }
    },
    protocol: 2,
    disableClientInfo: true,
  };
}

/** Options for clients of ioredis, so that none sends a command before its handshake is complete. */

import type { RedisOptions } from "ioredis";
import type { TlsOptions } from "../../model/tls-options.ts";
import { parseRedisUrl, type RedisAddress } from "./address.ts";
import { HandshakeConnector, type HandshakeOptions } from "./handshake.ts";

/** In ioredis's words. */
export interface RedisClientOptions {
  host?: string;
  port?: number;
  path?: string;
  /** Logs in and selects the database. */
  Connector: NonNullable<RedisOptions["Connector"]>;
  protocol: 2;
  disableClientInfo: true;
}

/** How long connecting and the handshake may take, ms. */
export const handshakeTimeoutMs = 5_000;

/**
 * Where to connect, for a client of ioredis of your own beside the backbone: it is logged in, on its database and named before it sends
 * anything, and a refusal of one of these is a lost connection. ioredis by itself goes on in database 0 when SELECT is refused.
 * `url`: redis://, rediss:// or unix://. @throws {ConfigError} on a URL that cannot be read
 */
export function redisClientOptions(url: string, tls?: TlsOptions): RedisClientOptions {
  return clientOptions(parseRedisUrl(url, tls), { timeoutMs: handshakeTimeoutMs });
}

/** The client is told of no login, name and database, so that its own handshake has nothing to send. */
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

/** Parses a Redis URL: the server's address, the login and the database. */

import { ConfigError } from "../../model/errors.ts";
import type { TlsOptions } from "../../model/tls-options.ts";

/** The address of a server, and the login to it. */
export interface RedisAddress {
  host?: string;
  port?: number;
  path?: string;
  username?: string;
  password?: string;
  db?: number;
  tls?: TlsOptions;
}

/**
 * Parses a URL. No error quotes more of the URL than its scheme: a password with an odd character may stand anywhere in
 * it. Node's own error quotes it, and so is no error's `cause`.
 * @throws {ConfigError} on anything but redis://, rediss:// and unix://, and on TLS options for a URL that is not
 * rediss://
 */
export function parseRedisUrl(url: string, tls?: TlsOptions): RedisAddress {
  let parsed: URL;
  const login: RedisAddress = {};
  try {
    parsed = new URL(url);
    if (parsed.username !== "") login.username = decodeURIComponent(parsed.username);
    if (parsed.password !== "") login.password = decodeURIComponent(parsed.password);
  } catch {
    throw new ConfigError(
      "the Redis URL cannot be read: expected redis://host:port, rediss://host:port or unix:///path; of a user's name and " +
        "password everything but letters and digits is written as %XX",
    );
  }
  if (tls !== undefined && parsed.protocol !== "rediss:") {
    throw new ConfigError(
      "TLS options were given with a Redis URL that is not rediss://: the connection would be open to read",
    );
  }
  if (parsed.protocol === "unix:") return { path: decodeURIComponent(parsed.pathname), ...login };
  if (parsed.protocol !== "redis:" && parsed.protocol !== "rediss:") {
    throw new ConfigError(`the Redis URL begins with "${parsed.protocol}": expected redis:, rediss: or unix:`);
  }
  const db = parsed.pathname.length > 1 ? Number(parsed.pathname.slice(1)) : 0;
  if (!Number.isInteger(db)) throw new ConfigError("what follows the host in the Redis URL is no database number");
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1",
    port: parsed.port === "" ? 6379 : Number(parsed.port),
    db,
    ...login,
    ...(parsed.protocol === "rediss:" ? { tls: { ...tls } } : {}),
  };
}

/** Reads TLS options from the files that the environment names. */

import { readFileSync } from "node:fs";
import { ConfigError } from "../model/errors.ts";
import type { TlsOptions } from "../model/tls-options.ts";

/**
 * The options by `REDIS_TLS_CA`, `REDIS_TLS_CERT` and `REDIS_TLS_KEY`, which are paths of PEM files, and
 * `REDIS_TLS_SERVERNAME`, a host's name. Undefined where none is set.
 * @throws {ConfigError} on a file that cannot be read
 */
export function tlsFromEnv(env: NodeJS.ProcessEnv): TlsOptions | undefined {
  const given = (name: string): string | undefined => env[name] || undefined;
  const ca = given("REDIS_TLS_CA");
  const cert = given("REDIS_TLS_CERT");
  const key = given("REDIS_TLS_KEY");
  const servername = given("REDIS_TLS_SERVERNAME");
  const tls: TlsOptions = {
    ...(ca === undefined ? {} : { ca: pem("REDIS_TLS_CA", ca) }),
    ...(cert === undefined ? {} : { cert: pem("REDIS_TLS_CERT", cert) }),
    ...(key === undefined ? {} : { key: pem("REDIS_TLS_KEY", key) }),
    ...(servername === undefined ? {} : { servername }),
  };
  return Object.keys(tls).length === 0 ? undefined : tls;
}

function pem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError(`${name} names ${path}, which cannot be read: ${(cause as NodeJS.ErrnoException).code}`, {
      cause,
    });
  }
}

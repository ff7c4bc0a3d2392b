/** TLS options of a connection to Redis. */

import { ConfigError } from "./errors.ts";

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

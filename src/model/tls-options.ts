/** TLS options of a connection to Redis. */

import { ConfigError } from "./errors.ts";

/** The check of the server's certificate, and the client's own certificate. PEM text; each default is Node's. */
export interface TlsOptions {
  /** The authorities to trust, in place of the well-known ones. */
  readonly ca?: string;
  /** A client certificate, for a server that asks for one; needs `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate must be for, where it is not the URL's host. */
  readonly servername?: string;
}

/** Checks and freezes the options. @throws {ConfigError} on an unknown option, an empty text, and a `cert` or `key` without the other */
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

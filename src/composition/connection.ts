/** The connection of an operator or an owner, beside that of the inspector. */

import { resolveTls } from "../model/tls-options.ts";
import { silentLog } from "../ports/log.ts";
import { Connection } from "../redis/client/connection.ts";
import type { ObserverOptions } from "./observer.ts";

/** Time after which a socket that owes a reply is cut, ms: longer than a blocking read, by a grace. */
export const silenceMs = 5_000;

/** Makes a connection, which connects at the first call. @throws {ConfigError} on a URL or TLS options that cannot be */
export function openConnection({ url, tls, log = silentLog }: ObserverOptions, purpose: string): Connection {
  return new Connection({ url, tls: tls === undefined ? undefined : resolveTls(tls), log, silenceMs, purpose });
}

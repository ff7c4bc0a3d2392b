/** The connection of an operator or an owner, beside that of the inspector. */

import { resolveTls } from "../model/tls-options.ts";
import { silentLog } from "../ports/log.ts";
import { Connection } from "../redis/client/connection.ts";
import { topologyOf } from "../redis/client/topology.ts";
import { Keys } from "../redis/keys.ts";
import type { ObserverOptions } from "./observer.ts";

/** Time after which a socket that owes a reply is cut, ms: longer than a blocking read, by a grace. */
export const silenceMs = 5_000;

/** Makes a connection, which connects at the first call. @throws {ConfigError} on a URL or TLS options that cannot be */
export function openConnection(options: ObserverOptions, purpose: string): Connection {
  const { url, cluster, sentinel, tls, namespace, log = silentLog } = options;
  const topology = topologyOf({ url, cluster, sentinel }, tls === undefined ? undefined : resolveTls(tls));
  return new Connection({ topology, key: new Keys(namespace).meta(), log, silenceMs, purpose });
}

/** Begins to connect to a server, by TCP, by TLS, or by a Unix socket. */

import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { RedisAddress } from "./address.ts";

export function openSocket({ host, port, path, tls }: Pick<RedisAddress, "host" | "port" | "path" | "tls">): Socket {
  if (path !== undefined) return connectTcp({ path });
  const target = { ...(host !== undefined && { host }), port: port ?? 6379 };
  return tls === undefined ? connectTcp(target) : connectTls({ ...target, ...tls });
}

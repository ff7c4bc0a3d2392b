/** A TCP client of an HTTP server for tests: it sends what no well-behaved client would, and ends as none would. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** The opening request of a WebSocket (RFC 6455); a header that is undefined is left out. */
export function handshake(
  port: number,
  path: string,
  headers: Readonly<Record<string, string | undefined>> = {},
): string {
  const lines = {
    Host: `127.0.0.1:${port}`,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const written = Object.entries(lines).flatMap(([name, value]) => (value === undefined ? [] : `${name}: ${value}`));
  return `GET ${path} HTTP/1.1\r\n${written.join("\r\n")}\r\n\r\n`;
}

export interface RawClient {
  readonly socket: Socket;
  /** All it was sent so far. */
  heard(): string;
  /** Resolves when the connection has ended, whoever ended it and however. */
  readonly closed: Promise<void>;
}

/** Resolves when the connection is there, or has already ended. It reads all that it is sent. */
export async function connectRaw(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
  });
  socket.on("error", () => undefined); // a reset is an end like another
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.once("end", () => socket.end());
  await Promise.race([once(socket, "connect"), closed]);
  return { socket, heard: () => text, closed };
}

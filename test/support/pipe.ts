/** A TCP proxy that knows no protocol, on loopback only: it passes bytes on, cuts connections, and falls silent on demand. */

import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Pipe extends AsyncDisposable {
  /** host:port to connect to instead of the target. */
  readonly address: string;
  /** Resets everything that is connected. */
  cut(): void;
  /** Swallows the bytes of all present and coming connections, without a reset. */
  blackHole(): void;
  /** New connections work again; those that fell into the black hole stay there. */
  heal(): void;
}

/** `target`: host:port. */
export async function startPipe(target: string): Promise<Pipe> {
  const [host = "", port = ""] = target.split(":");
  const sockets = new Set<Socket>();
  let isSilent = false;
  const swallowed = new WeakSet<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      if (isSilent) swallowed.add(socket);
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        if (!swallowed.has(socket)) other.write(bytes);
      });
      socket.on("close", () => {
        sockets.delete(socket);
        if (!swallowed.has(socket)) other.destroy(); // an end is swallowed, too
      });
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    blackHole: () => {
      isSilent = true;
      for (const socket of sockets) swallowed.add(socket);
    },
    heal: () => {
      isSilent = false;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((done) => server.close(done));
      cut();
      await closed;
    },
  };
}

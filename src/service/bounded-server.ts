/** An HTTP server that strangers reach: how many connections may wait to be served, for how long, and how it ends. */

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { ConfigError } from "../model/errors.ts";
import type { Log } from "../ports/log.ts";

export interface BoundedServerOptions {
  /** The subject of its messages, such as "the gateway". */
  readonly name: string;
  /** Connections that have not been released. The oldest of more is cut. */
  readonly maxWaiting: number;
  /** Each connection is closed after one answer. */
  readonly onRequest: RequestListener;
  readonly log: Log;
}

export interface BoundedServer {
  /** For listening to `upgrade`. */
  readonly server: Server;
  /** @throws {ConfigError} when the address cannot be listened on */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** From now on the connection is its new owner's: it is neither counted nor ended here. */
  release(socket: Socket): void;
  /** Cuts what waits, and resolves when the released connections have ended, too. */
  close(): Promise<void>;
}

/** A request must be there within this time of its connection, whether it is sent slowly, halfway or not at all, ms. */
const requestMs = 5_000;

export function createBoundedServer({ name, maxWaiting, onRequest, log }: BoundedServerOptions): BoundedServer {
  const limits = { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval: 1_000 };
  const server = createServer(limits, (request, response) => {
    // maxRequestsPerSocket = 1 would only announce it, and leave the closing to the client.
    response.setHeader("connection", "close");
    onRequest(request, response);
  });
  server.timeout = 2 * requestMs; // an answer that is not read

  // Node's own maxConnections refuses the newest: a few idle strangers would keep everybody out. An honest request waits for
  // milliseconds, so that the oldest one is a stranger's.
  const waiting = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    waiting.add(socket);
    socket.once("close", () => waiting.delete(socket));
    if (waiting.size <= maxWaiting) return;
    for (const oldest of waiting) {
      waiting.delete(oldest);
      oldest.destroy();
      break;
    }
  });
  return {
    server,
    listen: async (host, port) => {
      await new Promise<void>((listening, failed) => {
        server.once("error", (cause: NodeJS.ErrnoException) => {
          failed(
            new ConfigError(`${name} cannot listen on ${host}:${port} (${cause.code ?? cause.message})`, { cause }),
          );
        });
        server.listen(port, host, listening);
      });
      server.on("error", (error) => log.warn({ err: error }, `${name} could not take a connection`));
      return server.address() as AddressInfo;
    },
    release: (socket) => void waiting.delete(socket),
    close: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      // Node ends the connections that wait between requests, and looks no longer for those that are too slow.
      for (const socket of waiting) socket.destroy();
      await closed;
    },
  };
}

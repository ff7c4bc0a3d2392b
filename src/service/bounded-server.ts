/** An HTTP server that strangers can reach: connections that wait are bounded in number and in time. */

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { ConfigError } from "../model/errors.ts";
import type { Log } from "../ports/log.ts";

export interface BoundedServerOptions {
  /** The subject of its messages, such as "the gateway". */
  readonly name: string;
  /** Most connections that have not been released. When there are more, the oldest is cut. */
  readonly maxWaiting: number;
  /** Answers a request. Each connection is closed after one answer. */
  readonly onRequest: RequestListener;
  readonly log: Log;
}

export interface BoundedServer {
  /** The HTTP server, such as for its `upgrade` event. */
  readonly server: Server;
  /** Listens. @throws {ConfigError} when the address cannot be listened on */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Hands the connection to a new owner: from now on it is neither counted nor ended here. */
  release(socket: Socket): void;
  /** Cuts the connections that wait, and resolves when the released ones have ended, too. */
  close(): Promise<void>;
}

/** Longest time from a connection to its whole request, ms: for one that is slow, stops halfway or never comes. */
const requestMs = 5_000;

export function createBoundedServer({ name, maxWaiting, onRequest, log }: BoundedServerOptions): BoundedServer {
  const limits = { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval: 1_000 };
  const server = createServer(limits, (request, response) => {
    // maxRequestsPerSocket = 1 would only announce it, and leave the closing to the client.
    response.setHeader("connection", "close");
    onRequest(request, response);
  });
  server.timeout = 2 * requestMs; // for an answer that the client does not read

  // Node's own maxConnections refuses the newest connection: a few idle strangers would keep everybody out. An honest
  // request waits for milliseconds, so that the oldest connection is a stranger's.
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
      // Node ends only the connections that are idle between requests, and stops the timers that end slow ones.
      for (const socket of waiting) socket.destroy();
      await closed;
    },
  };
}

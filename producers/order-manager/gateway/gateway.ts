/** The WebSocket gateway: admits clients up to a number, sends them replies and executions, and closes in order. */

import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { ConfigError, type Log } from "throughline";
import { createBoundedServer } from "throughline/service";
import { type WebSocket, WebSocketServer } from "ws";
import type { Execution } from "../../../trading/domain/index.ts";
import { followExecutions, newestExecution } from "./feed.ts";
import { admit, checkHosts, refuse } from "./handshake.ts";
import { toExecutionReply } from "./protocol.ts";
import { type GatewayBackbone, Session, type SessionLimits } from "./session.ts";

export interface GatewayOptions extends Partial<SessionLimits> {
  /** The address to listen on. Default 127.0.0.1: authentication belongs in front of the gateway, which has none. */
  readonly host?: string;
  /** The port; 0 takes a free one. */
  readonly port: number;
  /**
   * Names and addresses, without a port, by which clients reach the gateway beside its own addresses: a proxy's, for
   * example.
   */
  readonly allowedHosts?: readonly string[];
  /**
   * Most connections. Default 800: with all other files of the process they stay below the 1,024 that many machines
   * allow.
   */
  readonly maxConnections?: number;
  /** Longest frame of a client, bytes. Default 64 KiB; a longer one ends its connection. */
  readonly maxFrameBytes?: number;
  /** Interval of the pings, ms. A client that has not answered one before the next is disconnected. Default 30,000. */
  readonly heartbeatMs?: number;
  /** Ends the start: while Redis is away it waits. */
  readonly signal?: AbortSignal;
  readonly log: Log;
}

export interface Gateway extends AsyncDisposable {
  /** ws://host:port */
  readonly url: string;
}

/** Most connections that have not become a WebSocket yet. */
const maxHandshakes = 64;

/** Longest time for a client to answer a close, ms. */
const closeTimeout = 3_000;

/** Starts the gateway, once Redis answers. @throws {ConfigError} when the address cannot be listened on */
export async function startGateway(backbone: GatewayBackbone, options: GatewayOptions): Promise<Gateway> {
  const {
    host = "127.0.0.1",
    port,
    allowedHosts = [],
    log,
    maxConnections = 800,
    maxFrameBytes = 65_536,
    heartbeatMs = 30_000,
  } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError(`the gateway's port is ${port}; it must be a whole number, 0 to 65,535`);
  }
  const limits = { maxInFlight: options.maxInFlight ?? 256, maxUnsentBytes: options.maxUnsentBytes ?? 1_048_576 };
  // The position is read before anyone can place an order, so that none of its executions is missed.
  const position = await newestExecution(backbone, log, options.signal);
  const sessions = new Map<string, Set<Session>>();
  const following = new AbortController();

  const deliver = (execution: Execution): void => {
    const listeners = sessions.get(execution.userId);
    if (listeners === undefined) return;
    const reply = toExecutionReply(execution);
    for (const session of listeners) session.send(reply);
  };
  const open = (socket: WebSocket, userId: string): void => {
    const session = new Session(socket, userId, backbone, limits, log);
    const ofUser = sessions.get(userId) ?? new Set();
    sessions.set(userId, ofUser.add(session));
    log.info({ user: userId, connections: sockets.clients.size }, "a client connected");
    socket.once("close", (code) => {
      ofUser.delete(session);
      if (ofUser.size === 0) sessions.delete(userId);
      log.info({ user: userId, code, connections: sockets.clients.size }, "a client disconnected");
    });
  };

  // In a variable, as the types of ws do not know closeTimeout yet.
  const settings = { noServer: true, maxPayload: maxFrameBytes, closeTimeout, perMessageDeflate: false };
  const sockets = new WebSocketServer(settings);
  const {
    server,
    listen,
    release,
    close: closeServer,
  } = createBoundedServer({
    name: "the gateway",
    maxWaiting: maxHandshakes,
    log,
    onRequest: (_, response) => {
      response.writeHead(426, { "content-type": "text/plain", upgrade: "websocket" });
      response.end("This is a WebSocket gateway: connect with ws://…/?user=YOUR_USER_ID\n");
    },
  });
  const isOurs = checkHosts(allowedHosts, host, () => (server.address() as AddressInfo).address);
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // Node has removed its own listeners, and an error without a listener ends the process.
    stream.on("error", (error) => log.debug({ error: error.message }, "a client's connection failed"));
    const admitted = admit(request, isOurs, sockets.clients.size >= maxConnections);
    if (typeof admitted === "number") refuse(request, admitted);
    else {
      sockets.handleUpgrade(request, stream, head, (socket) => {
        release(request.socket);
        open(socket, admitted.user);
      });
    }
  });
  const address = await listen(host, port);
  const all = (): Session[] => [...sessions.values()].flatMap((ofUser) => [...ofUser]);
  const feed = followExecutions(backbone, position, deliver, log, following.signal);
  const heartbeat = setInterval(() => {
    for (const session of all()) session.ping();
  }, heartbeatMs);

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    clearInterval(heartbeat);
    const closed = closeServer();
    await Promise.all(all().map((session) => session.close()));
    following.abort();
    await Promise.all([closed, feed]);
  };
  return {
    url: `ws://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

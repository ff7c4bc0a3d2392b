/** The WebSocket gateway: who may connect, how many, and how it ends. */

import { createServer, type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { ConfigError, type Log } from "../../../src/index.ts";
import type { Execution } from "../../../src/orders/index.ts";
import { followExecutions, newestExecution } from "./feed.ts";
import { toExecutionReply } from "./protocol.ts";
import { type GatewayBackbone, Session, type SessionLimits } from "./session.ts";

export interface GatewayOptions extends Partial<SessionLimits> {
  /** Default 127.0.0.1: there is no authentication here, it belongs in front. */
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Default 1,000. */
  readonly maxConnections?: number;
  /** Longest frame of a client. Default 64 KiB; a longer one ends its connection. */
  readonly maxFrameBytes?: number;
  /** A client that does not answer a ping before the next one is disconnected. Default 30,000. */
  readonly heartbeatMs?: number;
  readonly log: Log;
}

export interface Gateway extends AsyncDisposable {
  /** ws://host:port */
  readonly url: string;
}

/** How long a client may take to answer a close, ms. */
const closeTimeout = 3_000;

/** @throws {ConfigError} when the address cannot be listened on */
export async function startGateway(backbone: GatewayBackbone, options: GatewayOptions): Promise<Gateway> {
  const {
    host = "127.0.0.1",
    port,
    log,
    maxConnections = 1_000,
    maxFrameBytes = 65_536,
    heartbeatMs = 30_000,
  } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError(`the gateway's port is ${port}; it must be a whole number, 0 to 65,535`);
  }
  const limits = { maxInFlight: options.maxInFlight ?? 256, maxUnsentBytes: options.maxUnsentBytes ?? 1_048_576 };
  // Before anyone can place an order, so that none of its executions is missed.
  const position = await newestExecution(backbone);
  const sessions = new Map<string, Set<Session>>();
  const following = new AbortController();
  let connections = 0;

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
    log.info({ user: userId, connections }, "a client connected");
    socket.once("close", (code) => {
      connections--;
      ofUser.delete(session);
      if (ofUser.size === 0) sessions.delete(userId);
      log.info({ user: userId, code, connections }, "a client disconnected");
    });
  };

  // In a variable, as the types of ws do not know closeTimeout yet.
  const settings = { noServer: true, maxPayload: maxFrameBytes, closeTimeout, perMessageDeflate: false };
  const sockets = new WebSocketServer(settings);
  const server = createServer((_, response) => {
    response.writeHead(426, { "content-type": "text/plain", upgrade: "websocket" });
    response.end("This is a WebSocket gateway: connect with ws://…/?user=YOUR_USER_ID\n");
  });
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const user = userOf(request);
    const refusal = refusalOf(request, user, connections >= maxConnections);
    if (user === undefined || refusal !== undefined) {
      refuse(stream, refusal ?? 400);
      return;
    }
    let opened = false;
    connections++;
    stream.once("close", () => {
      if (!opened) connections--; // the handshake failed
    });
    sockets.handleUpgrade(request, stream, head, (socket) => {
      opened = true;
      open(socket, user);
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new ConfigError(`the gateway cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const all = (): Session[] => [...sessions.values()].flatMap((ofUser) => [...ofUser]);
  const feed = followExecutions(backbone, position, deliver, log, following.signal);
  const heartbeat = setInterval(() => {
    for (const session of all()) session.ping();
  }, heartbeatMs);

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    clearInterval(heartbeat);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all(all().map((session) => session.close()));
    following.abort();
    await Promise.all([closed, feed]);
  };
  return {
    url: urlOf(host, server.address()),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

/** The user that the connection speaks for, as the authentication in front has established it. */
function userOf(request: IncomingMessage): string | undefined {
  const user = URL.parse(request.url ?? "/", "ws://gateway")?.searchParams.get("user");
  return user && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(user) ? user : undefined;
}

/** The HTTP status that a connection is refused with. */
function refusalOf({ headers }: IncomingMessage, user: string | undefined, isFull: boolean): number | undefined {
  // A browser names the page that connects: no foreign page may place orders through a reader's loopback interface.
  if (headers.origin !== undefined && URL.parse(headers.origin)?.host !== headers.host) return 403;
  if (user === undefined) return 400;
  return isFull ? 503 : undefined;
}

const refusals: Readonly<Record<number, string>> = {
  400: "name your user in the URL: ws://…/?user=YOUR_USER_ID",
  403: "pages of other origins may not connect",
  503: "too many connections: try again later",
};

function refuse(stream: Duplex, status: number): void {
  const text = `${refusals[status]}\n`;
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

function urlOf(host: string, address: ReturnType<ReturnType<typeof createServer>["address"]>): string {
  const port = typeof address === "object" ? address?.port : undefined;
  return `ws://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

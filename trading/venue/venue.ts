/** The venue as a server: its journal, its market, and the sessions of its clients over WebSocket. */

import { createHash } from "node:crypto";
import { mkdir, realpath, unlink } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { ConfigError, type Log } from "throughline";
import { createBoundedServer } from "throughline/service";
import { type WebSocket, WebSocketServer } from "ws";
import type { VenueTotals } from "../domain/venue.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import { VenueCore } from "./core.ts";
import { type MarketOptions, resolveMarket } from "./market.ts";
import { maxFrameBytes } from "./protocol.ts";

export interface VenueOptions extends MarketOptions {
  /** The directory of its journal; made where it is missing. */
  readonly directory: string;
  /** Default "simulated". */
  readonly name?: string;
  /** The address to listen on. Default 127.0.0.1: the venue believes whoever reaches it. */
  readonly host?: string;
  /** The port; 0 takes a free one. */
  readonly port: number;
  /** Interval of the heartbeats, ms. A client that is silent for three is cut. Default 1,000. */
  readonly heartbeatMs?: number;
  readonly log: Log;
}

export interface Venue extends AsyncDisposable {
  /** ws://host:port */
  readonly url: string;
  /** Rejects when the disk refuses a write: the venue acknowledges nothing any more, and has to be ended. */
  readonly failed: Promise<never>;
  /** Totals of a client, or of all. */
  totals(client?: string): VenueTotals;
}

const maxConnections = 512;
const maxHandshakes = 64;
/** A venue that is ending may have the directory for so long, ms. */
const endsWithinMs = 3_000;
/** Longest time for a client to answer a close, ms. */
const closeTimeout = 1_000;

/** Opens the journal, and starts to listen. @throws {ConfigError} */
export async function startVenue(options: VenueOptions): Promise<Venue> {
  const { directory, name = "simulated", host = "127.0.0.1", port, heartbeatMs = 1_000, log } = options;
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
    throw new ConfigError(
      `"${name}" is no name of a venue: it takes 1 to 32 of a-z, 0-9 and "-", beginning with a letter`,
    );
  }
  if (!(heartbeatMs >= 10 && heartbeatMs <= 60_000)) {
    throw new ConfigError(`the venue's heartbeatMs is ${heartbeatMs}; it must be 10 to 60,000`);
  }
  const market = resolveMarket(options);
  await using opening = new AsyncDisposableStack();
  await mkdir(directory, { recursive: true });
  opening.use(await lockDirectory(directory));
  const core = opening.use(await VenueCore.open({ directory, market, log }));
  const current: ConnectionContext["current"] = new Map();
  core.listen((session) => {
    for (const connection of Object.values(current.get(session) ?? {})) connection.released();
  });
  const all = new Set<Connection>();
  const context: ConnectionContext = { core, venue: name, heartbeatMs, current, log };

  // In a variable, as the types of ws do not know closeTimeout yet.
  const settings = { noServer: true, maxPayload: maxFrameBytes, closeTimeout, perMessageDeflate: false };
  const sockets = new WebSocketServer(settings);
  const bounded = createBoundedServer({
    name: "the venue",
    maxWaiting: maxHandshakes,
    log,
    onRequest: (request, response) => answer(request, response, name, core),
  });
  bounded.server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // Node has removed its own listeners, and an error without a listener ends the process.
    stream.on("error", (error) => log.debug({ error: error.message }, "a client's connection failed"));
    // A page in a browser names its origin, and no page is a client of a venue.
    const status =
      request.headers.origin !== undefined ? 403 : sockets.clients.size >= maxConnections ? 503 : undefined;
    if (status !== undefined) {
      stream.end(
        `HTTP/1.1 ${status} ${status === 403 ? "Forbidden" : "Service Unavailable"}\r\nConnection: close\r\n\r\n`,
      );
      request.socket.destroySoon();
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket: WebSocket) => {
      bounded.release(request.socket);
      const connection = new Connection(socket, context);
      all.add(connection);
      socket.once("close", () => all.delete(connection));
    });
  });
  const address = await bounded.listen(host, port);
  const beating = setInterval(() => {
    for (const connection of all) connection.heartbeat();
  }, heartbeatMs);
  opening.defer(async () => {
    clearInterval(beating);
    const closed = bounded.close();
    for (const socket of sockets.clients) socket.close(1001, "the venue is shutting down");
    await closed;
  });
  const opened = opening.move();
  return {
    url: `ws://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    failed: core.failed,
    totals: (client) => core.totals(client),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** `GET /totals?client=NAME`: the venue's own book, for whoever compares. */
function answer(
  { method, url = "/" }: IncomingMessage,
  response: ServerResponse,
  venue: string,
  core: VenueCore,
): void {
  const { pathname, searchParams } = new URL(url, "http://venue");
  if (method !== "GET" || pathname !== "/totals") {
    response.writeHead(426, { "content-type": "text/plain", upgrade: "websocket" });
    response.end("This is a venue: open a session over WebSocket, or GET /totals?client=NAME\n");
    return;
  }
  const client = searchParams.get("client") ?? undefined;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(
    `${JSON.stringify({ venue, journal: core.journalId, reports: core.reportCount(client), ...core.totals(client) })}\n`,
  );
}

/**
 * Keeps another venue from the directory for as long as this process lives. A socket does that whatever ends the process; a file would stay after a kill.
 * @throws {ConfigError} when another venue has it
 */
async function lockDirectory(directory: string): Promise<AsyncDisposable> {
  const name = createHash("sha256")
    .update(await realpath(directory))
    .digest("hex")
    .slice(0, 24);
  // The path of a socket is short.
  const own = join(directory, "lock");
  const path = own.length < 100 ? own : join(tmpdir(), `throughline-venue-${name}.sock`);
  const givenUpAt = performance.now() + endsWithinMs;
  for (;;) {
    const server = createServer((socket) => socket.destroy());
    const refused = await new Promise<NodeJS.ErrnoException | undefined>((done) => {
      server.once("error", done);
      server.listen(path, () => done(undefined));
    });
    if (refused === undefined) return { [Symbol.asyncDispose]: () => closed(server) };
    if (refused.code !== "EADDRINUSE") {
      throw new ConfigError(`the venue cannot lock ${directory} by ${path} (${refused.code})`, { cause: refused });
    }
    if (!(await answers(path)))
      await unlink(path).catch(() => undefined); // of a process that was killed
    else if (performance.now() < givenUpAt) await setTimeout(50);
    else throw new ConfigError(`another venue keeps its journal in ${directory}: give this one another directory`);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()));
}

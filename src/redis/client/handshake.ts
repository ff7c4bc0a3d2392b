/** Opens sockets to Redis, and hands them to the client when they are logged in, named and on their database. */

import { Socket } from "node:net";
import { AbstractConnector } from "ioredis";
import { HandshakeRefusedError, WrongServerError } from "./refusals.ts";
import { type RespReply, readReply } from "./resp-reply.ts";
import type { Topology, TopologyKind } from "./topology.ts";

/** The server's description of itself in reply to HELLO. */
export interface ServerGreeting {
  /** "redis", or "valkey". */
  readonly server: string;
  readonly version: string;
  readonly isReplica: boolean;
  /** "standalone", "cluster" or "sentinel". */
  readonly mode: string;
}

export interface HandshakeOptions {
  /** The connection's name in CLIENT LIST. Default: none. */
  readonly name?: string;
  /** Longest time for connecting and the whole handshake, ms. */
  readonly timeoutMs: number;
  /** Called once for each connection, before the client has it. */
  readonly onGreeting?: (greeting: ServerGreeting) => void;
}

/** Longest time for a socket to close in order, ms; it keeps the process alive meanwhile. */
const disconnectTimeoutMs = 200;

/** Opens sockets for one client of ioredis, to whatever server has the key at the time. */
export class HandshakeConnector extends AbstractConnector {
  readonly #topology: Topology;
  readonly #key: string;
  readonly #handshake: HandshakeOptions;
  /** Grows with every attempt and when one is given up, so that one which was looking for its server knows. */
  #attempt = 0;

  constructor(topology: Topology, key: string, handshake: HandshakeOptions) {
    super(disconnectTimeoutMs);
    this.#topology = topology;
    this.#key = key;
    this.#handshake = handshake;
  }

  /**
   * Opens a socket. Never rejects, because the client would not connect again after that: a socket that could not be
   * made ready is handed over destroyed, with the reason in `firstError`. The client reports it and tries again by its
   * own rules.
   */
  override async connect(): Promise<Socket> {
    delete this.firstError;
    this.connecting = true;
    const attempt = ++this.#attempt;
    let socket: Socket | undefined;
    try {
      socket = await this.#topology.open(this.#key);
      this.stream = socket;
      // This listener stays: whatever the client does with the socket, its errors are heard.
      socket.on("error", (error) => {
        this.firstError ??= error;
      });
      if (attempt !== this.#attempt) throw new Error("Connection is closed.");
      const greeting = await shakeHands(socket, this.#topology, this.#handshake);
      refuseOther(this.#topology.kind, greeting);
      this.#handshake.onGreeting?.(greeting);
    } catch (error) {
      this.#topology.outdated();
      this.firstError = error as Error;
      socket ??= new Socket();
      this.stream = socket;
      socket.destroy();
    }
    this.connecting = false;
    return socket;
  }

  override disconnect(): void {
    // A half-done handshake needs no orderly close.
    if (this.connecting) {
      this.#attempt++;
      this.stream?.destroy(new Error("Connection is closed."));
    }
    super.disconnect();
  }
}

/** @throws {WrongServerError} for good. @throws {Error} where another look-up may find the right server */
function refuseOther(kind: TopologyKind, { mode, isReplica }: ServerGreeting): void {
  if (kind === "server" && mode === "cluster")
    throw new WrongServerError(
      "this server is a node of a cluster: give the cluster's nodes as `cluster: [urls]` (REDIS_CLUSTER), not as `url`",
    );
  if (kind !== "sentinel" && mode === "sentinel")
    throw new WrongServerError(
      "this is a Sentinel, which keeps no data: give it as `sentinel: { urls, name }` (REDIS_SENTINELS, REDIS_SENTINEL_NAME)",
    );
  if (kind === "cluster" && mode === "standalone")
    throw new WrongServerError("this server is no node of a cluster: give it as `url` (REDIS_URL)");
  if (kind !== "server" && isReplica) throw new Error("the server is a replica by now: looking for its primary");
}

/**
 * Resolves when the server has agreed to every step, one after the other. Nothing is read from the socket after that.
 */
async function shakeHands(
  socket: Socket,
  { login: { username, password, db = 0, tls } }: Topology,
  { name, timeoutMs }: HandshakeOptions,
): Promise<ServerGreeting> {
  const login = username === undefined && password === undefined ? [] : ["AUTH", username ?? "default", password ?? ""];
  const naming = name === undefined ? [] : ["SETNAME", name];
  const conversation = new Conversation(socket, timeoutMs);
  try {
    await conversation.opened(tls === undefined ? "connect" : "secureConnect");
    const greeting = toGreeting(await conversation.ask("HELLO", "2", ...login, ...naming));
    if (db !== 0) await conversation.ask("SELECT", String(db));
    return greeting;
  } finally {
    conversation.end();
  }
}

/** Sends one command at a time, until the time for all of them is over. */
class Conversation {
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #received: Buffer = Buffer.alloc(0);
  /** The reply that is awaited, for people. */
  #step = "the connection";
  #resolve: (reply: RespReply) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timer = setTimeout(() => {
      socket.destroy(new Error(`connect ETIMEDOUT: ${this.#step} was not there within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.on("data", this.#heard).on("error", this.#failed).on("close", this.#closed);
  }

  opened(event: "connect" | "secureConnect"): Promise<unknown> {
    return this.#awaited(() => this.#socket.once(event, () => this.#resolve(null)));
  }

  /** Sends a command, and resolves with its reply. @throws {HandshakeRefusedError} */
  async ask(command: string, ...args: readonly string[]): Promise<RespReply> {
    this.#step = `a reply to ${command}`;
    const words = [command, ...args].map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    const reply = await this.#awaited(() => this.#socket.write(`*${words.length}\r\n${words.join("")}`));
    // The arguments are left out: they are secrets.
    if (reply instanceof Error) throw new HandshakeRefusedError(command, reply.message);
    return reply;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#socket.off("data", this.#heard).off("error", this.#failed).off("close", this.#closed).pause();
  }

  #awaited(begin: () => void): Promise<RespReply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      begin();
    });
  }

  readonly #heard = (part: Buffer): void => {
    this.#received = Buffer.concat([this.#received, part]);
    try {
      const found = readReply(this.#received, 0);
      if (found === undefined) return;
      this.#received = this.#received.subarray(found.end);
      this.#resolve(found.reply);
    } catch (error) {
      this.#failed(error as Error);
    }
  };

  readonly #failed = (error: Error): void => this.#reject(error);

  readonly #closed = (): void => this.#reject(new Error(`the connection was closed while ${this.#step} was awaited`));
}

/** Decodes a RESP2 map, in which names and values alternate. @throws on a reply that is no greeting */
export function toGreeting(reply: RespReply): ServerGreeting {
  if (!Array.isArray(reply)) throw new Error("the server's reply to HELLO is none: is it a Redis?");
  const field = (name: string): string => String(reply[reply.indexOf(name) + 1]);
  const isReplica = /^(replica|slave)$/.test(field("role"));
  return { server: field("server"), version: field("version"), isReplica, mode: field("mode") };
}

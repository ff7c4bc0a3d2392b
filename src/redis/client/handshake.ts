/** Opens sockets to Redis, and hands them to the client when they are logged in, named and on their database. */

import { Socket } from "node:net";
import { AbstractConnector } from "ioredis";
import { Conversation, type ServerGreeting } from "./conversation.ts";
import { WrongServerError } from "./refusals.ts";
import type { Topology, TopologyKind } from "./topology.ts";

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

/** Resolves when the server has agreed to every step. Nothing is read from the socket after that. */
async function shakeHands(
  socket: Socket,
  { login }: Topology,
  { name, timeoutMs }: HandshakeOptions,
): Promise<ServerGreeting> {
  const conversation = new Conversation(socket, timeoutMs);
  try {
    return await conversation.greet(login, name);
  } finally {
    conversation.end();
  }
}

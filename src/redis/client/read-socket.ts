/** A read loop's connection: it is opened and watched like any other, but its replies are decoded here. */

import type { Socket } from "node:net";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Connection } from "./connection.ts";
import { isConnectionLoss } from "./failures.ts";
import { StreamsDecoder, type StreamsReply } from "./streams-decoder.ts";

/** A read under way, until its reply or the end of its socket. */
interface Pending {
  readonly answered: (reply: StreamsReply) => void;
  readonly lost: () => void;
}

/**
 * Sends one read at a time on a socket that it takes over from the client. The client connects, logs in and reconnects.
 * When it awaits no more replies, its listener is removed from the socket, and from then on nothing is sent through the
 * client. A new socket after a loss is taken over in the same way.
 */
export class ReadSocket {
  readonly #connection: Connection;
  readonly #decoder: StreamsDecoder;
  #socket: Socket | undefined;
  #pending: Pending | undefined;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(connection: Connection, channelOf: (stream: string) => string) {
    this.#connection = connection;
    this.#decoder = new StreamsDecoder(channelOf);
  }

  /**
   * Sends an XREADGROUP or XREAD; its name is the first argument. Undefined: the connection was lost, and with it any
   * entries that the server had delivered.
   * @throws the server's error reply
   * @throws {StoreError} when the connection is closed
   */
  async read(args: readonly (string | number)[]): Promise<readonly StoredEntry[] | undefined> {
    if (!this.#isTaken && !(await this.#take())) return undefined;
    const reply = await this.#ask(encode(args));
    if (reply === undefined) return undefined;
    if ("refusal" in reply) throw reply.refusal;
    return reply.entries;
  }

  /** True when the client's present socket was taken over: then a read is sent at once. */
  get #isTaken(): boolean {
    return this.#connection.isReady && this.#connection.client.stream === this.#socket;
  }

  /** Waits for a connection and takes over its socket. False: the connection was lost again. */
  async #take(): Promise<boolean> {
    await this.#connection.ready();
    if (this.#isTaken) return true;
    const { client } = this.#connection;
    const socket = client.stream as Socket;
    // Replies come in order: after this one, whatever it says, the client awaits none.
    const answered = await client.ping().then(
      () => true,
      (error: unknown) => !isConnectionLoss(error),
    );
    if (!answered || client.stream !== socket || socket.destroyed) return false;
    socket.removeAllListeners("data");
    socket.on("data", (part) => this.#heard(socket, part));
    socket.once("close", () => this.#ended(socket));
    this.#socket = socket;
    this.#decoder.reset();
    return true;
  }

  #ask(command: string): Promise<StreamsReply | undefined> {
    // The reply of one read would be taken for that of the other.
    if (this.#pending !== undefined) throw new Error("two reads at once on one connection");
    const socket = this.#socket as Socket;
    const { silenceMs } = this.#connection;
    return new Promise((resolve) => {
      this.#pending = { answered: resolve, lost: () => resolve(undefined) };
      this.#watchdog = setTimeout(() => this.#cut(socket, `silent for ${silenceMs} ms`), silenceMs);
      socket.write(command);
    });
  }

  #heard(socket: Socket, part: Buffer): void {
    if (socket !== this.#socket) return;
    this.#watchdog?.refresh();
    let reply: StreamsReply | undefined;
    try {
      reply = this.#decoder.decode(part);
    } catch (error) {
      this.#cut(socket, String(error));
      return;
    }
    if (reply === undefined) return;
    clearTimeout(this.#watchdog);
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.answered(reply);
  }

  #ended(socket: Socket): void {
    if (socket !== this.#socket) return;
    clearTimeout(this.#watchdog);
    this.#socket = undefined;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.lost();
  }

  /** Destroys the socket. The client notices, and connects again. */
  #cut(socket: Socket, why: string): void {
    socket.destroy(new Error(`a read was given up: ${why}`));
  }
}

function encode(args: readonly (string | number)[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`;
  return text;
}

/** The first words with a server, on a socket that no client has yet: who one is, and what has to be known beforehand. */

import type { Socket } from "node:net";
import type { RedisAddress } from "./address.ts";
import { HandshakeRefusedError } from "./refusals.ts";
import { type RespReply, readReply } from "./resp-reply.ts";

/** The server's description of itself in reply to HELLO. */
export interface ServerGreeting {
  /** "redis", or "valkey". */
  readonly server: string;
  readonly version: string;
  readonly isReplica: boolean;
  /** "standalone", "cluster" or "sentinel". */
  readonly mode: string;
}

type Login = Pick<RedisAddress, "username" | "password" | "db" | "tls">;

/** Sends one command at a time on a socket that nobody else uses yet, until the time for all of them is over. */
export class Conversation {
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

  /**
   * Resolves when the socket is connected and the server has agreed to every step, one after the other. `name`: the connection's in CLIENT LIST.
   * @throws {HandshakeRefusedError}
   */
  async greet({ username, password, db = 0, tls }: Login, name?: string): Promise<ServerGreeting> {
    const login =
      username === undefined && password === undefined ? [] : ["AUTH", username ?? "default", password ?? ""];
    const naming = name === undefined ? [] : ["SETNAME", name];
    const connected = tls === undefined ? "connect" : "secureConnect";
    await this.#awaited(() => this.#socket.once(connected, () => this.#resolve(null)));
    const greeting = toGreeting(await this.ask("HELLO", "2", ...login, ...naming));
    if (db !== 0) await this.ask("SELECT", String(db));
    return greeting;
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

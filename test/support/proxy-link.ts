/** One client of a proxy, and what is done to what passes. */

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { type Command, commandsIn } from "./proxy-commands.ts";

export type Direction = "toServer" | "toClient";

export interface Trap {
  readonly matches: (command: Command) => boolean;
  left: number;
  readonly action: "swallowReply" | "cutBefore" | "hold" | "answer";
  readonly done: () => void;
  /** Of a hold: what ends it. */
  readonly last?: (command: Command) => boolean;
  /** In place of the server's. */
  readonly reply?: string;
}

export interface Delay {
  readonly delayMs: number;
  readonly last?: string | undefined;
}

/** Commands that are held back, as one part. */
interface Hold {
  readonly trap: Trap;
  readonly parts: Buffer[];
}

/** One client's connection and the one to the server that answers it. */
export class Link {
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #traps: Set<Trap>;
  readonly #heard: ((command: Command) => void) | undefined;
  readonly #swallowed: Record<Direction, boolean>;
  /** The end of an unfinished command. */
  #rest: Buffer = Buffer.alloc(0);
  /** Set once a reply is being swallowed: what follows the command on the wire, and whose echo tells that it has run. */
  #sentinel: { readonly token: string; seen: string; readonly done: () => void } | undefined;

  /** Set while commands are held back. */
  #hold: Hold | undefined;

  constructor(
    client: Socket,
    server: Socket,
    world: {
      traps: Set<Trap>;
      delays: Record<Direction, Delay>;
      holes: Record<Direction, boolean>;
      heard: ((command: Command) => void) | undefined;
    },
  ) {
    this.#client = client;
    this.#server = server;
    this.#traps = world.traps;
    this.#heard = world.heard;
    this.#swallowed = { ...world.holes };
    const { delays } = world;
    server.on("error", () => undefined);
    const delayOf = ({ delayMs, last = this.last }: Delay): number => (last === this.last ? delayMs : 0);
    const toServer = inOrder(() => delayOf(delays.toServer));
    const toClient = inOrder(() => delayOf(delays.toClient));
    client.on("data", (part) => toServer(() => this.#fromClient(part)));
    server.on("data", (part) => toClient(() => this.#fromServer(part)));
    this.closed = new Promise((closed) => {
      let open = 2;
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        one.once("close", () => {
          open--;
          if (!this.#isDetached) other.destroy();
          if (open === 0) closed();
        });
      }
    });
  }

  /** Set when only the client's side was cut. */
  #isDetached = false;
  /** Name of the last command, in small letters. */
  last = "";

  cut(server: boolean): void {
    this.#isDetached = !server;
    this.#client.resetAndDestroy();
    if (server) this.#server.destroy();
  }

  swallow(direction: Direction): void {
    this.#swallowed[direction] = true;
  }

  #fromClient(part: Buffer): void {
    if (this.#swallowed.toServer || this.#sentinel !== undefined || this.#server.destroyed) return;
    if (this.#traps.size === 0 && this.#rest.length === 0 && this.#hold === undefined) {
      // Without traps the parts need not be understood, except where one ends within a command.
      const { commands, end } = commandsIn(part);
      this.last = commands.at(-1)?.command[0]?.toLowerCase() ?? this.last;
      if (this.#heard !== undefined) for (const { command } of commands) this.#heard(command);
      this.#rest = part.subarray(end);
      this.#server.write(part.subarray(0, end));
      return;
    }
    const bytes = Buffer.concat([this.#rest, part]);
    const { commands, end } = commandsIn(bytes);
    this.#rest = bytes.subarray(end);
    for (const { command, from, to } of commands) {
      this.last = command[0]?.toLowerCase() ?? "";
      this.#heard?.(command);
      if (this.#hold !== undefined) {
        this.#holdBack(command, bytes.subarray(from, to));
        continue;
      }
      const trap = this.#sprung(command);
      if (trap?.action === "hold") {
        this.#hold = { trap, parts: [bytes.subarray(from, to)] };
        continue;
      }
      if (trap?.action === "cutBefore") {
        this.cut(true);
        trap.done();
        return;
      }
      if (trap?.action === "answer") {
        this.#client.write(trap.reply ?? "");
        trap.done();
        continue;
      }
      this.#server.write(bytes.subarray(from, to));
      if (trap === undefined) continue;
      const token = randomBytes(8).toString("hex");
      this.#sentinel = { token, seen: "", done: trap.done };
      this.#server.write(`*2\r\n$4\r\nECHO\r\n$16\r\n${token}\r\n`);
      return;
    }
  }

  #holdBack(command: Command, bytes: Buffer): void {
    const { trap, parts } = this.#hold as Hold;
    parts.push(bytes);
    if (trap.last?.(command) !== true) return;
    this.#hold = undefined;
    this.#server.write(Buffer.concat(parts));
    trap.done();
  }

  #fromServer(part: Buffer): void {
    if (this.#sentinel !== undefined) {
      this.#sentinel.seen = this.#sentinel.seen.slice(-64) + part.toString("latin1");
      if (!this.#sentinel.seen.includes(this.#sentinel.token)) return;
      this.cut(true);
      this.#sentinel.done();
      return;
    }
    if (!this.#swallowed.toClient && !this.#client.destroyed) this.#client.write(part);
  }

  #sprung(command: Command): Trap | undefined {
    for (const trap of this.#traps) {
      if (!trap.matches(command) || --trap.left > 0) continue;
      this.#traps.delete(trap);
      return trap;
    }
    return undefined;
  }
}

/** Runs one after the other, each not before its delay: what comes after the delay has ended does not overtake what still waits. */
function inOrder(delayMs: () => number): (run: () => void) => void {
  const waiting: { readonly dueAt: number; readonly run: () => void }[] = [];
  const runDue = (): void => {
    for (let next = waiting[0]; next !== undefined && next.dueAt <= performance.now(); next = waiting[0]) {
      waiting.shift();
      next.run();
    }
    const [next] = waiting;
    if (next !== undefined) setTimeout(runDue, Math.max(1, next.dueAt - performance.now()));
  };
  return (run) => {
    if (delayMs() === 0 && waiting.length === 0) run();
    else if (waiting.push({ dueAt: performance.now() + delayMs(), run }) === 1) setTimeout(runDue, delayMs());
  };
}

/** A TCP proxy in front of a Redis, on loopback only, which loses replies, cuts, delays and falls silent on demand. */

import { randomBytes } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A command as the client sent it: its name and arguments. */
export type Command = readonly string[];
export type Direction = "toServer" | "toClient";

export interface Proxy extends AsyncDisposable {
  /** The address to which clients connect instead of the target. */
  readonly url: string;
  /** Connections that were made so far. */
  readonly connections: number;
  /**
   * Lets the n-th matching command from now on run, loses its reply and all after it, and cuts the connection. Resolves when
   * that is done.
   */
  swallowReply(matches: (command: Command) => boolean, nth?: number): Promise<void>;
  /** Cuts the connection in place of the n-th matching command, which never arrives. Resolves when that is done. */
  cutBefore(matches: (command: Command) => boolean, nth?: number): Promise<void>;
  /**
   * Gives the n-th matching command this reply, on the wire, in place of the server, which does not see it; an empty one leaves it
   * unanswered. For a command that is sent alone: the reply does not wait for those before it. Resolves when that is done.
   */
  answer(matches: (command: Command) => boolean, reply: string, nth?: number): Promise<void>;
  /** The names of the commands of each connection that is made from now on, in capitals; both grow. */
  record(): readonly (readonly string[])[];
  /**
   * Holds the next command that matches `first`, and all after it on its connection, until one has come that matches `last`: they reach
   * the server as one part, and so their replies the client. Resolves when they have been sent.
   */
  together(first: (command: Command) => boolean, last: (command: Command) => boolean): Promise<void>;
  /**
   * Cuts what is connected, or only those whose last command has this name. `server: false` leaves the server in the
   * belief that its clients are still there.
   */
  cut(options?: { readonly server?: boolean; readonly last?: string }): void;
  /** Swallows the bytes of all present and coming connections, without a reset. */
  blackHole(direction?: Direction): void;
  /** Holds every part back for so long, ms; with `last`, only on connections whose last command has this name. */
  delay(direction: Direction, delayMs: number, last?: string): void;
  /** Connections are accepted and ended at once. */
  refuse(): void;
  /** Cuts what is connected; new connections go to another Redis from now on. */
  retarget(target: string): void;
  /** New connections work again and without delay; those that fell into the black hole stay there. */
  heal(): void;
}

interface Trap {
  readonly matches: (command: Command) => boolean;
  left: number;
  readonly action: "swallowReply" | "cutBefore" | "hold" | "answer";
  readonly done: () => void;
  /** Of a hold: what ends it. */
  readonly last?: (command: Command) => boolean;
  /** In place of the server's. */
  readonly reply?: string;
}

interface Delay {
  readonly delayMs: number;
  readonly last?: string | undefined;
}

/** Commands that are held back, as one part. */
interface Hold {
  readonly trap: Trap;
  readonly parts: Buffer[];
}

/** Matches a command by name, and where given by its first argument: the digest of a script, say. */
export function named(name: string, first?: string): (command: Command) => boolean {
  return (command) => command[0]?.toUpperCase() === name.toUpperCase() && (first === undefined || command[1] === first);
}

/** @param target the URL of the Redis behind it */
export async function startProxy(target: string): Promise<Proxy> {
  let { hostname, port } = new URL(target);
  const traps = new Set<Trap>();
  const links = new Set<Link>();
  const delays: Record<Direction, Delay> = { toServer: { delayMs: 0 }, toClient: { delayMs: 0 } };
  const holes: Record<Direction, boolean> = { toServer: false, toClient: false };
  let refuses = false;
  let recorded: string[][] | undefined;
  let connections = 0;

  const server: Server = createServer((client) => {
    client.on("error", () => undefined);
    if (refuses) {
      client.destroy();
      return;
    }
    connections++;
    const names: string[] = [];
    recorded?.push(names);
    const heard = recorded === undefined ? undefined : ([name = ""]: Command) => void names.push(name.toUpperCase());
    const link = new Link(client, connect(Number(port), hostname), { traps, delays, holes, heard });
    links.add(link);
    link.closed.then(() => links.delete(link));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy listens nowhere");

  const set = (
    action: Trap["action"],
    matches: Trap["matches"],
    nth: number,
    more: Pick<Trap, "last" | "reply"> = {},
  ): Promise<void> => new Promise((done) => void traps.add({ matches, left: nth, action, done, ...more }));
  return {
    url: `redis://127.0.0.1:${address.port}`,
    get connections() {
      return connections;
    },
    swallowReply: (matches, nth = 1) => set("swallowReply", matches, nth),
    cutBefore: (matches, nth = 1) => set("cutBefore", matches, nth),
    answer: (matches, reply, nth = 1) => set("answer", matches, nth, { reply }),
    record: () => (recorded ??= []),
    together: (first, last) => set("hold", first, 1, { last }),
    cut: ({ server: also = true, last } = {}) => {
      for (const link of links) if (last === undefined || link.last === last) link.cut(also);
    },
    blackHole: (direction) => {
      for (const one of direction === undefined ? (["toServer", "toClient"] as const) : [direction]) {
        holes[one] = true;
        for (const link of links) link.swallow(one);
      }
    },
    delay: (direction, delayMs, last) => {
      delays[direction] = { delayMs, last };
    },
    refuse: () => {
      refuses = true;
      for (const link of links) link.cut(true);
    },
    retarget: (other) => {
      ({ hostname, port } = new URL(other));
      for (const link of links) link.cut(true);
    },
    heal: () => {
      refuses = false;
      for (const direction of ["toServer", "toClient"] as const) {
        delays[direction] = { delayMs: 0 };
        holes[direction] = false;
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const link of links) link.cut(true);
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** One client's connection and the one to the server that answers it. */
class Link {
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

/** The complete commands at the beginning of the bytes, and where they end. */
function commandsIn(bytes: Buffer): { commands: { command: Command; from: number; to: number }[]; end: number } {
  const commands: { command: Command; from: number; to: number }[] = [];
  for (let end = 0; ; ) {
    const found = commandAt(bytes, end);
    if (found === undefined) return { commands, end };
    commands.push({ command: found.command, from: end, to: found.to });
    end = found.to;
  }
}

function commandAt(bytes: Buffer, from: number): { command: Command; to: number } | undefined {
  const head = lineAt(bytes, from);
  if (head === undefined) return undefined;
  const command: string[] = [];
  let at = head.to;
  for (let left = Number(head.line.slice(1)); left > 0; left--) {
    const size = lineAt(bytes, at);
    if (size === undefined) return undefined;
    const end = size.to + Number(size.line.slice(1));
    if (bytes.length < end + 2) return undefined;
    // Of a long command only the beginning is looked at.
    if (command.length < 8) command.push(bytes.toString("utf8", size.to, Math.min(end, size.to + 256)));
    at = end + 2;
  }
  return { command, to: at };
}

function lineAt(bytes: Buffer, from: number): { line: string; to: number } | undefined {
  const end = bytes.indexOf("\r\n", from);
  return end === -1 ? undefined : { line: bytes.toString("latin1", from, end), to: end + 2 };
}

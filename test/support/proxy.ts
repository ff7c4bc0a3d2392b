/** A TCP proxy in front of a Redis, on loopback only, which loses replies, cuts, delays and falls silent on demand. */

import { connect, createServer, type Server } from "node:net";
import type { Command } from "./proxy-commands.ts";
import { type Delay, type Direction, Link, type Trap } from "./proxy-link.ts";

export { type Command, named } from "./proxy-commands.ts";
export type { Direction } from "./proxy-link.ts";

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

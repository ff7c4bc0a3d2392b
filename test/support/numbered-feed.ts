/**
 * An outside system on a loopback port that numbers what it says in each of its parts: a line "<part> <n>" for each n from 1 on, as long as it
 * speaks. Whoever connects says "<part> <from> <epoch> <token>", and is told everything from there on; a lower fence than somebody's before is hung
 * up on, and so is an equal one with another token.
 */

import { createServer, type Socket } from "node:net";

export interface NumberedFeed extends AsyncDisposable {
  readonly port: number;
  /** How much it has said in each part. */
  readonly said: readonly number[];
  /** Lines that it has refused because of their fence. */
  readonly refused: number;
  /** Breaks all lines. */
  hangUp(): void;
  /** Says nothing more that is new. */
  fallSilent(): void;
}

interface Line {
  readonly socket: Socket;
  readonly part: number;
  next: number;
}

/** It says something new in each part every so many ms. */
const everyMs = 2;

export async function startNumberedFeed(parts: number): Promise<NumberedFeed> {
  const said = new Array<number>(parts).fill(0);
  const highest = new Map<number, { readonly epoch: number; readonly token: string }>();
  const lines = new Set<Line>();
  const sockets = new Set<Socket>();
  let refused = 0;

  const tell = (line: Line): void => {
    for (; line.next <= (said[line.part] ?? 0); line.next++) line.socket.write(`${line.part} ${line.next}\n`);
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let line: Line | undefined;
    socket.once("close", () => {
      sockets.delete(socket);
      if (line !== undefined) lines.delete(line);
    });
    let heard = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      heard += text;
      if (line === undefined && heard.includes("\n")) greet(heard.slice(0, heard.indexOf("\n")));
    });
    const greet = (text: string): void => {
      const [part = 0, from = 1, epoch = 0] = text.split(" ").map(Number);
      const token = text.split(" ")[3] ?? "";
      const before = highest.get(part);
      if (before !== undefined && (epoch < before.epoch || (epoch === before.epoch && token !== before.token))) {
        refused++;
        socket.destroy();
        return;
      }
      highest.set(part, { epoch, token });
      line = { socket, part, next: from };
      lines.add(line);
      tell(line);
    };
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the feed listens nowhere");
  const speaking = setInterval(() => {
    for (const part of said.keys()) said[part] = (said[part] ?? 0) + 1;
    for (const line of lines) tell(line);
  }, everyMs);
  return {
    port: address.port,
    said,
    get refused() {
      return refused;
    },
    hangUp: () => {
      for (const socket of sockets) socket.destroy();
    },
    fallSilent: () => clearInterval(speaking),
    [Symbol.asyncDispose]: async () => {
      clearInterval(speaking);
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

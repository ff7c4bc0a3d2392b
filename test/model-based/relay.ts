/** A relay in front of a Redis for one process alone: it stops passing bytes on as a stopped process does, and is cut for good as a killed one is. */

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Relay extends AsyncDisposable {
  /** The address to which the process connects instead of the target. */
  readonly url: string;
  /** Passes nothing on, either way, until `letGo`: what is sent meanwhile arrives then, in its order. */
  hold(): void;
  letGo(): void;
  /** Cuts what is connected; new connections work. */
  cut(): void;
  /** Cuts in place of the n-th reply from now on, from 1: what it answers has been done. */
  cutAtReply(nth: number): void;
  /** Cuts what is connected, and every coming connection at once. Nothing undoes it. */
  sever(): void;
}

/** @param target the URL of the Redis behind it */
export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const links = new Set<readonly [Socket, Socket]>();
  let isHeld = false;
  let isSevered = false;
  let repliesLeft = Number.POSITIVE_INFINITY;

  const cut = (): void => {
    repliesLeft = Number.POSITIVE_INFINITY;
    for (const [client, target] of links) {
      client.resetAndDestroy();
      target.destroy();
    }
  };
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
    client.on("error", () => undefined);
    if (isSevered) {
      client.destroy();
      return;
    }
    const target = connect({ port: Number(port), host: hostname, noDelay: true });
    target.on("error", () => undefined);
    const link = [client, target] as const;
    links.add(link);
    for (const [one, other] of [link, [target, client] as const]) {
      one.on("data", (part) => {
        if (one === target && --repliesLeft === 0) cut();
        else other.write(part);
      });
      one.once("close", () => {
        links.delete(link);
        other.destroy();
      });
      if (isHeld) one.pause();
      else one.resume();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay listens nowhere");

  return {
    url: `redis://127.0.0.1:${address.port}`,
    hold: () => {
      isHeld = true;
      for (const sockets of links) for (const socket of sockets) socket.pause();
    },
    letGo: () => {
      isHeld = false;
      for (const sockets of links) for (const socket of sockets) socket.resume();
    },
    cut,
    cutAtReply: (nth) => {
      repliesLeft = nth;
    },
    sever: () => {
      isSevered = true;
      cut();
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((closed) => server.close(closed));
    },
  };
}

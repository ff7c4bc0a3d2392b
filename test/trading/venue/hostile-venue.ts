/** A venue that says what a test tells it to say, true or not. */

import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { VenueAddress } from "../../../consumers/order-sender/index.ts";
import type { ClientFrame, Hello } from "../../../trading/venue/protocol.ts";
import { eventually } from "../../support/eventually.ts";

export interface HostileSession {
  readonly hello: Hello;
  readonly socket: WebSocket;
  readonly frames: readonly ClientFrame[];
  send(frame: unknown): void;
}

export interface HostileVenue extends AsyncDisposable {
  readonly address: VenueAddress;
  /** Every session so far, those that have ended too. */
  readonly sessions: readonly HostileSession[];
  /** Resolves with the n-th session of the direction, from 1. */
  session(direction: Hello["direction"], nth?: number): Promise<HostileSession>;
}

/** Welcomes everybody, with `welcome` on top of an honest one; undefined answers nothing. It sends no heartbeats, and a busy machine is given their time. */
export async function startHostileVenue(
  welcome: (hello: Hello) => object | undefined = () => ({}),
): Promise<HostileVenue> {
  const name = "simulated";
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise((listening) => server.once("listening", listening));
  const sessions: (HostileSession & { readonly frames: ClientFrame[] })[] = [];
  server.on("connection", (socket) => {
    let session: (typeof sessions)[number] | undefined;
    socket.on("error", () => undefined);
    socket.on("message", (data) => {
      const frame = JSON.parse(data.toString()) as ClientFrame;
      if (frame.type !== "hello") {
        session?.frames.push(frame);
        return;
      }
      const send = (said: unknown): void => socket.send(typeof said === "string" ? said : JSON.stringify(said));
      const more = welcome(frame);
      if (more !== undefined) {
        send({
          ...{ type: "welcome", protocol: 1, venue: name, journal: "j", heartbeatMs: 20_000, requests: 0 },
          ...{ reports: 0, ...more },
        });
      }
      session = { hello: frame, socket, frames: [], send };
      sessions.push(session);
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: { name, url: `ws://127.0.0.1:${port}` },
    sessions,
    session: (direction, nth = 1) =>
      eventually(() => sessions.filter(({ hello }) => hello.direction === direction)[nth - 1]),
    [Symbol.asyncDispose]: async () => {
      for (const socket of server.clients) socket.terminate();
      await new Promise((closed) => server.close(closed));
    },
  };
}

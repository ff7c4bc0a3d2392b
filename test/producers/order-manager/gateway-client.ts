/** A WebSocket client of the gateway for tests: it keeps what it was sent, and waits for what it wants. */

import { once } from "node:events";
import { WebSocket } from "ws";
import type { Reply } from "../../../producers/order-manager/gateway/protocol.ts";
import { eventually } from "../../support/eventually.ts";

export interface GatewayClient extends AsyncDisposable {
  readonly replies: readonly Reply[];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  send(frame: unknown): void;
  sendRaw(frame: string | Buffer): void;
  /** The first reply of the type, past or future, that fits; each is given once. */
  next<T extends Reply["type"]>(
    type: T,
    fits?: (reply: Extract<Reply, { type: T }>) => boolean,
  ): Promise<Extract<Reply, { type: T }>>;
}

/** Rejects with the HTTP status when the connection is refused. */
export async function connectClient(
  url: string,
  user: string,
  options: { readonly autoPong?: boolean } = {},
): Promise<GatewayClient> {
  const socket = new WebSocket(`${url}/?user=${user}`, options);
  const replies: Reply[] = [];
  const taken = new Set<Reply>();
  socket.on("message", (frame) => replies.push(JSON.parse(frame.toString()) as Reply));
  const closed = once(socket, "close").then(([code, reason]) => ({ code: code as number, reason: String(reason) }));
  closed.catch(() => undefined); // a connection that is refused rejects below
  await once(socket, "open");
  return {
    replies,
    closed,
    send: (frame) => socket.send(JSON.stringify(frame)),
    sendRaw: (frame) => socket.send(frame),
    next: (type, fits = () => true) =>
      eventually(() => {
        const reply = replies.find(
          (one): one is Extract<Reply, { type: typeof type }> =>
            one.type === type && !taken.has(one) && fits(one as never),
        );
        if (reply !== undefined) taken.add(reply);
        return reply as Exclude<typeof reply, false>;
      }),
    [Symbol.asyncDispose]: async () => {
      socket.terminate();
      await closed;
    },
  };
}

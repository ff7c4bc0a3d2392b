/** A client's connection: requests in, replies out, both bounded. */

import { setTimeout } from "node:timers/promises";
import { type Backbone, type Log, PayloadError, PublishError, type Published, traceIdOf } from "throughline";
import type { RawData, WebSocket } from "ws";
import { type ClientOrder, orderKey, parseOrder } from "../../../trading/domain/index.ts";
import { orderManager, orderStore } from "../handlers.ts";
import { placeCancel, placeOrder } from "../intake.ts";
import { type OrderRecord, stateOf } from "../order-record.ts";
import { firstCancel, firstOrder, sameTerms } from "../terms.ts";
import { parseFrame, type Reply, type Request, writtenId } from "./protocol.ts";

export type GatewayBackbone = Pick<Backbone, "publish" | "read" | "view">;

export interface SessionLimits {
  /** Most requests under way. With more, nothing is read from the client until one is answered. */
  readonly maxInFlight: number;
  /** Most bytes that may wait for a client to read them; a client with more is disconnected. */
  readonly maxUnsentBytes: number;
}

/**
 * Longest time for a closing connection to wait until Redis confirms orders, ms. An order without an answer may be sent
 * again.
 */
const closeGraceMs = 5_000;

/** Orders whose symbol a connection remembers. */
const maxRemembered = 1_000;

/** Close codes of RFC 6455. */
const goingAway = 1001;
const policyViolation = 1008;

export class Session {
  readonly userId: string;
  readonly #socket: WebSocket;
  readonly #backbone: GatewayBackbone;
  readonly #limits: SessionLimits;
  readonly #log: Log;
  readonly #inFlight = new Set<Promise<void>>();
  /** The symbols of orders that were placed over this connection, by their ids. */
  readonly #symbols = new Map<string, string>();
  #answersPing = true;

  constructor(socket: WebSocket, userId: string, backbone: GatewayBackbone, limits: SessionLimits, log: Log) {
    this.userId = userId;
    this.#socket = socket;
    this.#backbone = backbone;
    this.#limits = limits;
    this.#log = log;
    socket.on("message", (frame, isBinary) => this.#take(frame, isBinary));
    socket.on("pong", () => {
      this.#answersPing = true;
    });
    socket.on("error", (error) => log.info({ user: userId, error: error.message }, "a client's connection failed"));
  }

  send(reply: Reply): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const { bufferedAmount } = this.#socket;
    if (bufferedAmount > this.#limits.maxUnsentBytes) {
      this.#log.warn({ user: this.userId, bufferedAmount }, "disconnected a client that reads too slowly");
      this.#socket.close(policyViolation, `reads too slowly: ${bufferedAmount} bytes wait to be read`);
      return;
    }
    this.#socket.send(JSON.stringify(reply));
  }

  /** Cuts a connection that has not answered the last ping, and pings the others. */
  ping(): void {
    if (!this.#answersPing) this.#socket.terminate();
    else {
      this.#answersPing = false;
      this.#socket.ping();
    }
  }

  /** Answers the requests under way, as far as that succeeds soon, then closes. */
  async close(): Promise<void> {
    this.#socket.pause();
    await Promise.race([Promise.all(this.#inFlight), setTimeout(closeGraceMs, undefined, { ref: false })]);
    this.#socket.resume();
    this.#socket.close(goingAway, "the gateway is shutting down: connect again and ask for your orders' state");
  }

  #take(frame: RawData, isBinary: boolean): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return; // a closed connection cannot be answered
    if (isBinary) {
      this.send({ type: "error", reason: "binary frames are not taken: send JSON as text" });
      return;
    }
    const parsed = parseFrame(frame.toString());
    if ("reason" in parsed) {
      this.send({ type: "error", reason: parsed.reason });
      return;
    }
    const answering = this.#answer(parsed.request)
      .then((reply) => this.send(reply))
      .finally(() => {
        this.#inFlight.delete(answering);
        if (this.#inFlight.size < this.#limits.maxInFlight && this.#socket.isPaused) this.#socket.resume();
      });
    this.#inFlight.add(answering);
    if (this.#inFlight.size >= this.#limits.maxInFlight) this.#socket.pause();
  }

  async #answer(request: Request): Promise<Reply> {
    try {
      if (request.type === "order") return await this.#order(request.order);
      return request.type === "cancel" ? await this.#cancel(request.cancel) : await this.#status(request.orderId);
    } catch (error) {
      this.#log.error({ user: this.userId, err: error }, "a request failed");
      return { type: "error", reason: `the ${request.type} request failed; try again` };
    }
  }

  async #order(written: unknown): Promise<Reply> {
    const parsed = parseOrder(written, { userId: this.userId });
    if ("issues" in parsed) return { type: "rejected", ...writtenId(written), issues: parsed.issues };
    const { order } = parsed;
    const orderId = order.id;
    if (order.userId !== this.userId) {
      const reason = `is not the user of this connection, "${this.userId}": leave it out or connect as that user`;
      return { type: "rejected", orderId, issues: [{ path: "userId", reason }] };
    }
    let ref: Published;
    try {
      ref = await placeOrder(this.#backbone, order);
    } catch (error) {
      if (error instanceof PayloadError) return { type: "rejected", orderId, issues: error.issues };
      if (!(error instanceof PublishError)) throw error;
      const { outcome } = error;
      return { type: "rejected", orderId, outcome, issues: [{ path: "", reason: explanations[outcome] }] };
    }
    this.#remember(order);
    return this.#acceptance(order, ref);
  }

  /** A cancel lies where its order does, so that it cannot overtake it: the order has to be known here. */
  async #cancel({ id: cancelId, orderId }: { readonly id: string; readonly orderId: string }): Promise<Reply> {
    const rejected = { type: "rejected", orderId, cancelId } as const;
    const key = orderKey(this.userId, orderId);
    const state = stateOf(await this.#backbone.view<OrderRecord>(orderManager, orderStore).get(key));
    const symbol = this.#symbols.get(orderId) ?? state?.symbol;
    if (symbol === undefined) {
      return {
        ...rejected,
        issues: [{ path: "orderId", reason: "is no order of yours, or it was placed a moment ago" }],
      };
    }
    if (state?.open === 0)
      return { ...rejected, issues: [{ path: "orderId", reason: "is done: nothing of it is open" }] };
    const cancel = { kind: "cancel", id: cancelId, userId: this.userId, symbol, orderId } as const;
    try {
      const ref = await placeCancel(this.#backbone, cancel);
      const taken = { type: "cancelling", orderId, cancelId, traceId: traceIdOf(ref) } as const;
      if (!ref.isRepeat) return taken;
      const first = await firstCancel(this.#backbone, ref);
      if (first === undefined || first.orderId === orderId) return { ...taken, duplicate: true };
      return {
        ...rejected,
        issues: [{ path: "id", reason: "is the id of a cancel of another order: choose a new one" }],
      };
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      const { outcome } = error;
      return { ...rejected, outcome, issues: [{ path: "", reason: explanations[outcome] }] };
    }
  }

  async #acceptance(order: ClientOrder, ref: Published): Promise<Reply> {
    const accepted = { type: "accepted", orderId: order.id, traceId: traceIdOf(ref) } as const;
    if (!ref.isRepeat) return accepted;
    const first = await firstOrder(this.#backbone, ref);
    if (first === undefined || sameTerms(first.order, order)) {
      return { ...accepted, traceId: first?.traceId ?? "", duplicate: true };
    }
    const reason = "is the id of another order of yours: choose a new one";
    return { type: "rejected", orderId: order.id, issues: [{ path: "id", reason }] };
  }

  /** Until the order's record is there. */
  #remember({ id, symbol }: ClientOrder): void {
    this.#symbols.set(id, symbol);
    const [oldest] = this.#symbols.size > maxRemembered ? this.#symbols.keys() : [];
    if (oldest !== undefined) this.#symbols.delete(oldest);
  }

  async #status(orderId: string): Promise<Reply> {
    const view = this.#backbone.view<OrderRecord>(orderManager, orderStore);
    const state = stateOf(await view.get(orderKey(this.userId, orderId)));
    return state === undefined
      ? { type: "state", orderId, known: false }
      : { type: "state", orderId, known: true, ...state };
  }
}

const explanations: Readonly<Record<PublishError["outcome"], string>> = {
  rejected: "the order log did not take it; send it again later",
  unknown: "the order log did not confirm it, it may be in; send it again with the same id, that is safe",
};

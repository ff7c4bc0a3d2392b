/** A client of the venue that sends frames as they are, and keeps all that comes back. */

import { once } from "node:events";
import { WebSocket } from "ws";
import type { NewOrder, VenueReport } from "../../../trading/domain/venue.ts";
import type { VenueFrame, Welcome } from "../../../trading/venue/protocol.ts";
import { eventually } from "../../support/eventually.ts";

type FrameOf<T extends VenueFrame["type"]> = Extract<VenueFrame, { type: T }>;

export class RawSession implements AsyncDisposable {
  readonly frames: VenueFrame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("error", () => undefined); // its close tells
    socket.on("message", (data) => this.frames.push(JSON.parse(data.toString()) as VenueFrame));
    this.closed = new Promise((done) => {
      socket.once("close", (code, reason) => done({ code, reason: reason.toString() }));
    });
  }

  static async connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawSession> {
    const socket = new WebSocket(url, { headers });
    const session = new RawSession(socket);
    await once(socket, "open");
    return session;
  }

  /** Opens a direction, of partition 0 of `desk` with epoch 1 unless told. Resolves with the welcome. */
  static async open(url: string, hello: object = {}): Promise<RawSession & { readonly welcome: Welcome }> {
    const session = await RawSession.connect(url);
    session.hello(hello);
    const welcome = await session.first("welcome");
    return Object.assign(session, { welcome });
  }

  hello(more: object = {}): void {
    const fence = { epoch: 1, token: "t" };
    this.send({
      ...{ type: "hello", protocol: 1, client: "desk", partition: 0, direction: "requests", fence },
      ...more,
    });
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  requests(first: number, ...requests: readonly unknown[]): void {
    this.send({ type: "requests", first, requests });
  }

  of<T extends VenueFrame["type"]>(type: T): readonly FrameOf<T>[] {
    return this.frames.filter((frame) => frame.type === type) as FrameOf<T>[];
  }

  /** Waits for the first frame of the type. @throws when the venue refuses instead */
  async first<T extends VenueFrame["type"]>(type: T): Promise<FrameOf<T>> {
    return eventually(() => {
      const [refused] = this.of("refused");
      if (refused !== undefined && type !== "refused") throw new Error(`refused: ${refused.code}, ${refused.reason}`);
      return this.of(type)[0];
    });
  }

  /** Waits until requests up to this number are on the venue's disk. */
  async taken(number: number): Promise<void> {
    await eventually(() => this.of("taken").some(({ requests }) => requests >= number));
  }

  /** All reports so far, by their numbers. @throws when one is there twice or out of its order */
  reports(from = 1): readonly VenueReport[] {
    const reports: VenueReport[] = [];
    for (const frame of this.of("reports")) {
      if (frame.first !== from + reports.length) throw new Error(`report ${frame.first} came after ${reports.length}`);
      reports.push(...frame.reports);
    }
    return reports;
  }

  async reported(count: number, from = 1): Promise<readonly VenueReport[]> {
    await eventually(() => this.reports(from).length >= count);
    return this.reports(from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}

export function buy(orderId: string, quantity = 100, more: Partial<NewOrder> = {}): NewOrder {
  return {
    ...{ kind: "order", orderId, symbol: "AAPL", side: "buy", orderType: "limit", price: "10", quantity },
    ...more,
  };
}

/** One client's connection: what it is told when the log does not answer, and how it ends when it does not read. */

import { EventEmitter } from "node:events";
import * as assert from "uvu/assert";
import type { WebSocket } from "ws";
import type { Reply } from "../../../producers/order-manager/gateway/protocol.ts";
import { type GatewayBackbone, Session } from "../../../producers/order-manager/gateway/session.ts";
import { PublishError } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { test } from "../../support/test.ts";

/** As much of a WebSocket as a session touches. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  isPaused = false;
  readonly sent: Reply[] = [];
  readonly closes: string[] = [];
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Reply);
  }
  close(code: number, reason: string): void {
    this.readyState = 2;
    this.closes.push(`${code} ${reason}`);
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
}

const nothing = (): undefined => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const limits = { maxInFlight: 2, maxUnsentBytes: 1_000 };
const order = { id: "a-1", symbol: "AAPL", side: "buy", price: "577.50", quantity: 250 };

function open(backbone: Partial<GatewayBackbone> = {}): { readonly socket: FakeSocket; readonly session: Session } {
  const socket = new FakeSocket();
  const session = new Session(socket as unknown as WebSocket, "ann", backbone as GatewayBackbone, limits, log);
  return { socket, session };
}

function place(socket: FakeSocket): void {
  socket.emit("message", Buffer.from(JSON.stringify({ type: "order", order })), false);
}

for (const outcome of ["rejected", "unknown"] as const) {
  test(`tells a client whose order was not confirmed that the outcome is ${outcome}, and that it may send it again`, async () => {
    const { socket } = open({ publish: () => Promise.reject(new PublishError(outcome, "Redis is away")) });
    place(socket);
    const [reply] = await eventually(() => socket.sent.length > 0 && socket.sent);
    assert.ok(reply?.type === "rejected");
    assert.equal([reply.orderId, reply.outcome], ["a-1", outcome]);
    assert.match(reply.issues[0]?.reason ?? "", /send it again/);
  });
}

test("disconnects a client that does not read, with the reason, and sends it nothing more", () => {
  const { socket, session } = open();
  session.send({ type: "error", reason: "first" });
  socket.bufferedAmount = 1_001;
  session.send({ type: "error", reason: "second" });
  session.send({ type: "error", reason: "third" });
  assert.equal(socket.closes, ["1008 reads too slowly: 1001 bytes wait to be read"]);
  assert.is(socket.sent.length, 1);
});

test("does not read from a client with too many requests under way until one is answered", async () => {
  const waiting: (() => void)[] = [];
  const publish = (): Promise<never> =>
    new Promise((_, reject) => waiting.push(() => reject(new PublishError("rejected", "Redis is away"))));
  const { socket } = open({ publish });
  place(socket);
  assert.is(socket.isPaused, false);
  place(socket);
  assert.is(socket.isPaused, true);
  waiting[0]?.();
  await eventually(() => !socket.isPaused);
  assert.is(socket.sent.length, 1);
  waiting[1]?.();
  await eventually(() => socket.sent.length === 2);
});

test("answers a request that fails inside with an error, and lives on", async () => {
  const { socket } = open({
    view: () => ({ get: () => Promise.reject(new Error("broken")), list: () => (async function* () {})() }),
  });
  socket.emit("message", Buffer.from('{"type":"status","orderId":"a-1"}'), false);
  const [reply] = await eventually(() => socket.sent.length > 0 && socket.sent);
  assert.equal(reply, { type: "error", reason: "the status request failed; try again" });
  assert.equal(socket.closes, []);
});

/** Random crowds of hostile clients at the Order Manager's two ports: its process lives, serves the others and drains. */

import * as fc from "fast-check";
import { type Desk, drain, startDesk } from "../producers/order-manager/desk.ts";
import { connectRaw, handshake, type RawClient } from "../producers/order-manager/raw-client.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

/** One hostile client: what it sends, in which pieces, how much of it, and how it leaves. */
interface Stranger {
  readonly door: "gatewayPort" | "healthPort";
  readonly opening: (port: number) => string;
  readonly after: Uint8Array;
  /** Of all bytes, the share that it sends. */
  readonly share: number;
  readonly pieces: number;
  readonly listens: boolean;
  readonly leaves: "reset" | "half-close" | "close" | "never";
}

const refused: readonly ((port: number) => string)[] = [
  (port) => handshake(port, "/"),
  (port) => handshake(port, "//"),
  (port) => handshake(port, "/?user=ann&user=bob"),
  (port) => handshake(port, "/?user=ann", { Origin: "http://evil.example" }),
  (port) => handshake(port, "/?user=ann", { Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` }),
  (port) => handshake(port, "/?user=ann", { Host: undefined }),
  (port) => handshake(port, "/?user=ann", { "Sec-WebSocket-Key": "short" }),
  (port) => handshake(port, "/?user=ann", { "Sec-WebSocket-Version": "7" }),
  (port) => handshake(port, "/?user=ann", { Upgrade: "h2c" }),
  (port) => handshake(port, "/?user=ann", { "Content-Length": "70000" }),
  (port) => handshake(port, "/?user=ann").replace("GET", "POST"),
  (port) => handshake(port, "/?user=ann", { "X-Long": "x".repeat(20_000) }),
  () => "CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n",
  () => "GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
  () => "GET // HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n".repeat(50),
  () => "POST /ready HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\nx",
  () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  () => "\u0016\u0003\u0001\u0002\u0000\u0001\u0000",
];

const strangers = fc.record<Stranger>({
  door: fc.constantFrom("gatewayPort", "gatewayPort", "healthPort"),
  opening: fc.oneof(
    fc.constantFrom(...refused),
    fc.constant((port: number) => handshake(port, "/?user=eve")),
    fc.string({ unit: "binary-ascii", maxLength: 200 }).map((text) => () => text),
  ),
  after: fc.uint8Array({ maxLength: 64 }),
  share: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
  pieces: fc.integer({ min: 1, max: 4 }),
  listens: fc.boolean(),
  leaves: fc.constantFrom("reset", "reset", "half-close", "close", "never"),
});

/** Resolves when it has left; who never does is still there. */
async function visit(desk: Desk, stranger: Stranger): Promise<RawClient> {
  const client = await connectRaw(desk[stranger.door]);
  const { socket, closed } = client;
  if (!stranger.listens) socket.pause();
  const all = Buffer.concat([Buffer.from(stranger.opening(desk[stranger.door]), "latin1"), stranger.after]);
  const sent = all.subarray(0, Math.ceil(all.length * stranger.share));
  const size = Math.max(1, Math.ceil(sent.length / stranger.pieces));
  for (let at = 0; at < sent.length && socket.writable; at += size) {
    socket.write(sent.subarray(at, at + size));
    await new Promise(setImmediate);
  }
  if (stranger.leaves === "reset") socket.resetAndDestroy();
  else if (stranger.leaves === "half-close") socket.end();
  else if (stranger.leaves === "close") socket.destroy();
  if (stranger.leaves === "reset" || stranger.leaves === "close") await closed;
  return client;
}

const seed = Number(process.env["HOSTILE_SEED"] ?? Date.now() % 1_000_000_000);

test(
  `survives 100 crowds of hostile clients of seed ${seed} (HOSTILE_SEED)`,
  async () => {
    await using desk = await startDesk();
    const left: RawClient[] = [];
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(strangers, { minLength: 1, maxLength: 24 }), async (crowd) => {
          left.push(...(await Promise.all(crowd.map((stranger) => visit(desk, stranger)))));
          await desk.serves();
        }),
        { seed, numRuns: 100, endOnFailure: true },
      );
      // Who never reads does not learn of its end. Who has become a WebSocket stays as long as it answers pings.
      for (const { socket } of left) socket.resume();
      const isOver = ({ socket, heard }: RawClient): boolean => socket.closed || heard().startsWith("HTTP/1.1 101");
      await eventually(() => left.every(isOver));
      await desk.serves();
    } catch (error) {
      throw new Error(`HOSTILE_SEED=${seed} npm test -- hostile-crowds: ${desk.process.lines.slice(-5).join("\n")}`, {
        cause: error,
      });
    } finally {
      for (const { socket } of left) socket.destroy();
    }
    await drain(desk.process);
  },
  { timeoutMs: 120_000 },
);

/**
 * `npm run bench:venue`: how many orders a second the venue alone takes, each on its disk before it is acknowledged. The venue is a process of its own, the
 * client this one: four sessions, a window of unacknowledged orders each, all reports read.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { WebSocket } from "ws";
import { positiveNumber } from "../src/service/option-parsers.ts";
import type { NewOrder } from "../trading/domain/venue.ts";
import type { VenueFrame } from "../trading/venue/protocol.ts";
import { percentile } from "./statistics.ts";

const { orders, rounds, window } = new Command("npm run bench:venue --")
  .option("--orders <n>", "of a round", positiveNumber, 200_000)
  .option("--rounds <n>", "after one that does not count", positiveNumber, 5)
  .option("--window <n>", "orders of a session that are not acknowledged yet", positiveNumber, 5_000)
  .parse()
  .opts<{ orders: number; rounds: number; window: number }>();

const sessions = 4;
const inFrame = 100;

interface Venue extends AsyncDisposable {
  readonly url: string;
  cpuMs(): Promise<number>;
}

/** Starts a venue with an empty journal. */
async function startVenue(): Promise<Venue> {
  const directory = await mkdtemp(join(tmpdir(), "throughline-bench-venue-"));
  const main = new URL("../trading/venue/main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, "--data", directory, "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, LOG_LEVEL: "info" },
  });
  const url = await new Promise<string>((done, fail) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      const found = /ws:[^"]+/.exec(line)?.[0];
      if (found !== undefined) done(found);
    });
    child.once("exit", (code) => fail(new Error(`the venue has ended with ${code}`)));
  });
  return {
    url,
    cpuMs: async () => {
      const stat = (await readFile(`/proc/${child.pid}/stat`, "utf8").catch(() => "")).split(") ")[1]?.split(" ") ?? [];
      return (Number(stat[11]) + Number(stat[12])) * 10;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Opens one direction of a session. */
async function openSession(
  url: string,
  partition: number,
  direction: "requests" | "reports",
  take: (frame: VenueFrame) => void,
): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, "open");
  const welcome = Promise.withResolvers<void>();
  socket.on("message", (data) => {
    const frame = JSON.parse(data.toString()) as VenueFrame;
    if (frame.type === "welcome") welcome.resolve();
    else if (frame.type === "refused") throw new Error(frame.reason);
    else take(frame);
  });
  const fence = { epoch: 1, token: "bench" };
  socket.send(JSON.stringify({ type: "hello", protocol: 1, client: "bench", partition, direction, fence }));
  await welcome.promise;
  return socket;
}

function orderOf(partition: number, n: number): NewOrder {
  return {
    ...{ kind: "order", orderId: `xo-${partition}-${n}`, symbol: `S${(n % 6) * sessions + partition}` },
    ...{
      side: n % 2 === 0 ? "buy" : "sell",
      orderType: "limit",
      price: `${180 + (n % 5)}.25`,
      quantity: 100 + (n % 900),
    },
  };
}

/** Sends the orders of one session; resolves when all are acknowledged, with the times from sending to acknowledgement, ms. */
async function place(url: string, partition: number, count: number): Promise<{ latencies: number[]; close(): void }> {
  const sentAt: number[] = [];
  const latencies: number[] = [];
  const done = Promise.withResolvers<void>();
  let sent = 0;
  let taken = 0;
  const fill = (): void => {
    while (sent < count && sent - taken < window) {
      const size = Math.min(inFrame, count - sent);
      const first = sent + 1;
      const batch = Array.from({ length: size }, (_, i) => orderOf(partition, first + i));
      sentAt.push(...Array<number>(size).fill(performance.now()));
      requests.send(JSON.stringify({ type: "requests", first, requests: batch }));
      sent += size;
    }
  };
  const requests = await openSession(url, partition, "requests", (frame) => {
    if (frame.type !== "taken") return;
    for (; taken < frame.requests; taken++) latencies.push(performance.now() - (sentAt[taken] as number));
    if (taken === count) done.resolve();
    else fill();
  });
  const reports = await openSession(url, partition, "reports", () => undefined);
  const beating = setInterval(() => {
    for (const socket of [requests, reports]) socket.send('{"type":"heartbeat"}');
  }, 500);
  fill();
  await done.promise;
  return {
    latencies,
    close: () => {
      clearInterval(beating);
      for (const socket of [requests, reports]) socket.terminate();
    },
  };
}

for (let round = 0; round <= rounds; round++) {
  await using venue = await startVenue();
  const cpuBefore = await venue.cpuMs();
  const from = performance.now();
  const each = Math.floor(orders / sessions);
  const placed = await Promise.all(
    Array.from({ length: sessions }, (_, partition) => place(venue.url, partition, each)),
  );
  const ms = performance.now() - from;
  const cpu = (await venue.cpuMs()) - cpuBefore;
  const latencies = placed.flatMap((one) => one.latencies).sort((a, b) => a - b);
  for (const { close } of placed) close();
  if (round === 0) continue; // warms up
  const rate = Math.round((each * sessions * 1_000) / ms).toLocaleString("en-US");
  const p99 = percentile(latencies, 0.99).toFixed(0);
  console.log(
    `round ${round}: ${rate} orders/s, ${((cpu * 1_000) / (each * sessions)).toFixed(1)} µs of the venue's CPU an order, ` +
      `acknowledged after p50 ${percentile(latencies, 0.5).toFixed(0)} ms, p99 ${p99} ms (with ${window} of each session under way)`,
  );
}

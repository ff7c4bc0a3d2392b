/** A source that reads a numbered feed: a line for each run, a few appends under way at once. */

import { connect } from "node:net";
import { createInterface } from "node:readline";
import { z } from "zod";
import { type Backbone, type Channel, defineChannel, type Source, type SourceTools } from "../../src/index.ts";

export interface Report {
  readonly part: number;
  readonly n: number;
}

export const reports: Channel<Report> = defineChannel<Report>({
  name: "reports",
  schema: z.object({ part: z.int(), n: z.int() }),
  placement: "source",
});

/** Appends that may be under way at once. */
const maxUnderWay = 8;

const feedTakeoverAfterMs = 1_000;

export function feedSource(backbone: Backbone, port: number): Source {
  const run = (tools: SourceTools<Report>): Promise<void> => readFeed(port, tools);
  return backbone.source("feed", reports, run, { takeoverAfterMs: feedTakeoverAfterMs });
}

async function readFeed(port: number, tools: SourceTools<Report>): Promise<void> {
  const { partition, position, fence, signal, append } = tools;
  const socket = connect(port, "127.0.0.1");
  const end = (): void => void socket.destroy();
  signal.addEventListener("abort", end, { once: true });
  const underWay: Promise<unknown>[] = [];
  try {
    if (signal.aborted) return;
    socket.write(`${partition} ${Number(position ?? 0) + 1} ${fence.epoch} ${fence.token}\n`);
    for await (const line of createInterface({ input: socket })) {
      const [part = 0, n = 0] = line.split(" ").map(Number);
      const appended = append([{ payload: { part, n } }], String(n));
      appended.catch(() => undefined); // it is awaited below
      underWay.push(appended);
      if (underWay.length > maxUnderWay) await underWay.shift();
    }
    await Promise.all(underWay);
  } finally {
    signal.removeEventListener("abort", end);
    socket.destroy();
  }
  if (!signal.aborted) throw new Error("the feed has hung up");
}

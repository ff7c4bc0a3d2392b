/** The process that publishes events at a fixed rate: each when it is due, acknowledged or not. */

import { setImmediate, setTimeout } from "node:timers/promises";
import { startTelemetry } from "../src/telemetry.ts";
import { monotonicMs } from "./clock.ts";
import { type ContenderName, load } from "./contenders.ts";
import { whenExported } from "./receiving.ts";

export interface GeneratorTask {
  readonly contender: ContenderName;
  readonly url: string;
  readonly count: number;
  readonly perSecond: number;
}

/** The generator's answer. `startMs`: the time at which event 0 was due. */
export type Generated = { readonly startMs: number } | { readonly error: string };

/** Time between the task and the first event, ms. */
const leadMs = 20;
/** Largest delay of a timer, ms. */
const timerSlackMs = 2;
const sleeping = new Int32Array(new SharedArrayBuffer(4));

const receiver = process.env["BENCH_RECEIVER"];
if (receiver !== undefined) await startTelemetry({ serviceName: "bench-generator" });
process.on("message", (task: GeneratorTask) => {
  generate(task).then(
    (startMs) => process.send?.({ startMs } satisfies Generated),
    (error: unknown) => process.send?.({ error: String(error) } satisfies Generated),
  );
});
process.on("disconnect", () => process.exit());

async function generate({ contender, url, count, perSecond }: GeneratorTask): Promise<number> {
  const open = (await load(contender)).publisher;
  if (open === undefined) throw new Error(`${contender} has no publisher`);
  const publisher = await open(url);
  const published: Promise<unknown>[] = [];
  const startMs = monotonicMs() + leadMs;
  for (let next = 0; next < count; ) {
    const dueMs = startMs + (next * 1_000) / perSecond;
    const spareMs = dueMs - monotonicMs() - timerSlackMs;
    if (spareMs >= 1) await setTimeout(spareMs);
    // Timers are too coarse: for the last fraction this thread sleeps, and then lets the event loop send and receive.
    const waitMs = dueMs - monotonicMs();
    if (waitMs > 0) Atomics.wait(sleeping, 0, 0, waitMs);
    for (const nowMs = monotonicMs(); next < count && startMs + (next * 1_000) / perSecond <= nowMs; next++) {
      published.push(publisher.publish(next));
    }
    await setImmediate();
  }
  await Promise.all(published);
  await publisher.close();
  // Otherwise the spans would arrive in the middle of another round.
  if (receiver !== undefined) await whenExported(receiver);
  return startMs;
}

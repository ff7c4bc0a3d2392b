/**
 * Measures latency at a fixed rate, from the moment at which an event was due. A generator that is held up publishes
 * late, and the event's delay counts, so that waiting hides nothing (coordinated omission).
 */

import { type ChildProcess, fork } from "node:child_process";
import { nextAnswer } from "./child.ts";
import { monotonicMs } from "./clock.ts";
import type { Round, Sample } from "./contender.ts";
import type { ContenderName } from "./contenders.ts";
import type { Generated, GeneratorTask } from "./generator.ts";
import { percentile } from "./statistics.ts";

/** Share of a round at its beginning that does not count: connections and code get warm. */
const warmUpShare = 0.1;

let generator: ChildProcess | undefined;

/**
 * Measures. `consume` calls `arrived` with an event's number at the start of its handler, and resolves when all have
 * arrived.
 */
export async function measureLatency(
  contender: ContenderName,
  { url, count, shape, meter }: Round,
  consume: (arrived: (i: number) => void) => Promise<unknown>,
): Promise<Sample> {
  const perSecond = shape.perSecond ?? 1_000;
  const arrivedMs = new Float64Array(count);
  await meter.ready();
  meter.begin();
  const consumed = consume((i) => {
    arrivedMs[i] = monotonicMs();
  });
  const [{ startMs }] = await Promise.all([generate({ contender, url, count, perSecond }), consumed]);
  const { clientMicros = Number.NaN, redisMicros = Number.NaN } = await meter.end(count);
  const latencies: number[] = [];
  for (let i = Math.floor(count * warmUpShare); i < count; i++) {
    const arrived = arrivedMs[i] as number;
    if (arrived === 0) throw new Error(`event ${i} has not arrived`);
    latencies.push(arrived - (startMs + (i * 1_000) / perSecond));
  }
  latencies.sort((a, b) => a - b);
  return {
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    p999Ms: percentile(latencies, 0.999),
    consumerMicros: clientMicros,
    redisMicros,
  };
}

/** Generates in another process, as a producer would, which serves all rounds and ends with this one. */
async function generate(task: GeneratorTask): Promise<{ startMs: number }> {
  generator ??= startGenerator();
  generator.send(task);
  const answer = await nextAnswer<Generated>(generator, "the generator");
  if ("error" in answer) throw new Error(`the generator: ${answer.error}`);
  return answer;
}

/** Starts the generator. It keeps this process alive only while an answer is awaited. */
function startGenerator(): ChildProcess {
  const child = fork(new URL("./generator.ts", import.meta.url), [], { execArgv: process.execArgv });
  child.unref();
  child.channel?.unref();
  return child;
}

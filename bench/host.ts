/**
 * The process of one contender: performs one round after the other, as it is told. Each contender has its own, so that
 * they share no heap and no SDK.
 */

import { startTelemetry } from "../src/telemetry.ts";
import type { Sample, Task } from "./contender.ts";
import { type ContenderName, load } from "./contenders.ts";
import { RedisMeter } from "./meter.ts";
import { whenExported } from "./receiving.ts";

/** The host's answer: one when it is ready, and one for each task, in order. */
export type Answer = { readonly sample: Sample } | { readonly error: string };

const [url, name] = process.argv.slice(2) as [string, ContenderName];
const receiver = process.env["BENCH_RECEIVER"];
// Only where spans are to be exported: otherwise not even ids are made.
if (receiver !== undefined) await startTelemetry({ serviceName: "bench" });
const contender = await load(name);

process.on("message", (task: Task) => {
  perform(task).then(
    (sample) => process.send?.({ sample } satisfies Answer),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? `${error.stack}` : String(error) } satisfies Answer),
  );
});
process.on("disconnect", () => process.exit());
process.send?.({ sample: {} } satisfies Answer); // ready

async function perform({ work, count, shape }: Task): Promise<Sample> {
  const act = contender.works[work];
  if (act === undefined) throw new Error(`${name} cannot do "${work}"`);
  await using meter = new RedisMeter(url, receiver === undefined ? undefined : () => whenExported(receiver));
  return await act({ url, count, shape, meter });
}

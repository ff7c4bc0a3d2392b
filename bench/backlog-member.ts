/**
 * The member process of `contenders/throughline/drain.ts`: drains a backlog, and reports the processor time and memory
 * that it took.
 */

import { connectBackbone, on } from "../src/index.ts";
import { orders } from "./order.ts";

export interface Quarter {
  readonly perSecond: number;
  /** Processor time of all threads of the process, µs. */
  readonly cpuMicros: number;
  /** The highest memory of twenty measurements, MiB. */
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly externalMiB: number;
}

export interface Drained {
  readonly perSecond: number;
  readonly quarters: readonly Quarter[];
}

const [url = ""] = process.argv.slice(2);
const log = { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error };
const mebibyte = 1_048_576;
const looks = 20;

process.on("message", (task: { readonly namespace: string; readonly count: number }) => {
  drain(task.namespace, task.count).then(
    (drained) => process.send?.(drained),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

async function drain(namespace: string, count: number): Promise<Drained> {
  const quarters: Quarter[] = [];
  const size = count / 4;
  const { promise, resolve } = Promise.withResolvers<void>();
  let handled = 0;
  let quantity = 0;
  let begunAt = 0;
  let quarterAt = 0;
  let cpu = process.cpuUsage();
  let rssMiB = 0;
  const endQuarter = (): void => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    const { heapUsed, external } = process.memoryUsage();
    quarters.push({
      perSecond: (size * 1_000) / (now - quarterAt),
      cpuMicros: (user + system) / size,
      rssMiB,
      heapMiB: heapUsed / mebibyte,
      externalMiB: external / mebibyte,
    });
    [quarterAt, cpu, rssMiB] = [now, process.cpuUsage(), 0];
  };
  await using backbone = await connectBackbone({ url, namespace, log });
  const component = backbone.component("drains", [
    on(orders, ({ payload }) => {
      if (handled === 0) {
        begunAt = performance.now();
        [quarterAt, cpu] = [begunAt, process.cpuUsage()];
      }
      quantity += payload.quantity;
      handled++;
      if (handled % (size / looks) === 0) rssMiB = Math.max(rssMiB, process.memoryUsage.rss() / mebibyte);
      if (handled % size === 0) endQuarter();
      if (handled === count) resolve();
    }),
  ]);
  const run = component.run();
  await Promise.race([promise, run]);
  const ms = performance.now() - begunAt;
  await component.whenIdle();
  await component.drain();
  await run;
  if (handled !== count || quantity === 0) throw new Error(`${handled} entries were handled, not ${count}`);
  return { perSecond: (count * 1_000) / ms, quarters };
}

/**
 * `npm run bench:rebuild`: makes the spans of whole logs again by `throughline spans rebuild`, as a process, to a receiver that counts them, and
 * prints spans a second, processor time a span, and the most memory that the process took. Reads both from /proc, so it needs a Linux.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import { connectBackbone, on } from "../src/index.ts";
import { startPrivateRedis } from "../src/local-redis/private-server.ts";
import { positiveNumber } from "../src/service/option-parsers.ts";
import { startTelemetry } from "../src/telemetry.ts";
import { orderOf, orders, routed, routedOf } from "./order.ts";
import { received, startReceiver } from "./receiving.ts";

const command = new Command("npm run bench:rebuild --")
  .argument(
    "[entries...]",
    "entries of each log: half of them orders, half what a component makes of them; by default 100000 and 1000000",
    (text: string, before: readonly number[] = []) => [...before, positiveNumber(text)],
  )
  .option("--dry-run", "without an export")
  .parse();
const [entries = [100_000, 1_000_000]] = command.processedArgs as [(readonly number[])?];
const { dryRun = false } = command.opts<{ dryRun?: boolean }>();

const window = 2_000;
const lookMs = 20;
const ticksPerSecond = 100;
const mebibyte = 1_024;
const log = { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error };

/** Publishes, and handles what is published meanwhile; with ids as live spans have them. */
async function fill(url: string, namespace: string, count: number): Promise<void> {
  await using backbone = await connectBackbone({ url, namespace, partitions: 1, log });
  const component = backbone.component("router", [
    on(orders, ({ payload }, { publish }) => void publish(routed, routedOf(payload))),
  ]);
  const ending = new AbortController();
  const running = component.run(ending.signal);
  let next = 0;
  const publishOn = async (): Promise<void> => {
    while (next < count / 2) await backbone.publish(orders, orderOf(next++));
  };
  await Promise.all(Array.from({ length: window }, publishOn));
  await component.whenIdle();
  ending.abort();
  await running;
}

interface Run {
  readonly spans: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

async function rebuild(url: string, namespace: string): Promise<Run> {
  await using receiver = await startReceiver();
  const script = join(import.meta.dirname, "../src/cli/throughline.ts");
  const args = ["--url", url, "--namespace", namespace, "--json", "spans", "rebuild"];
  if (dryRun) args.push("--dry-run");
  const begunAt = performance.now();
  const channels = join(import.meta.dirname, "order.ts");
  const child = spawn(process.execPath, [script, ...args, "--channels", channels], {
    env: {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.otlpUrl,
      OTEL_TRACES_SAMPLER: "parentbased_always_on",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (text: Buffer) => {
    out += text.toString();
  });
  let [peakMiB, cpuSeconds] = [0, 0];
  const watching = new AbortController();
  const watch = (async (): Promise<void> => {
    while (!watching.signal.aborted) {
      const status = readOf(`/proc/${child.pid}/status`);
      peakMiB = Math.max(peakMiB, Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? 0) / mebibyte);
      // The name of the process, in parentheses, may hold spaces.
      const fields = readOf(`/proc/${child.pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
      cpuSeconds = Math.max(cpuSeconds, (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond);
      await setTimeout(lookMs, undefined, { signal: watching.signal }).catch(() => undefined);
    }
  })();
  const [code] = (await once(child, "close")) as [number | null];
  const seconds = (performance.now() - begunAt) / 1_000;
  watching.abort();
  await watch;
  if (code !== 0) throw new Error(`spans rebuild ended with ${code}`);
  const { spans, untold } = JSON.parse(out) as { spans: number; untold: Readonly<Record<string, number>> };
  if (Object.values(untold).some((count) => count > 0)) throw new Error(`not told: ${JSON.stringify(untold)}`);
  const arrived = (await received(receiver.countUrl)).spans;
  if (!dryRun && arrived !== spans) throw new Error(`${arrived} of ${spans} spans have arrived`);
  return { spans, seconds, cpuSeconds, peakMiB };
}

/** Empty once the process has ended. */
function readOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

// Ids go into the log, and no span is exported while it is filled.
Object.assign(process.env, {
  OTEL_TRACES_EXPORTER: "otlp",
  OTEL_METRICS_EXPORTER: "none",
  OTEL_TRACES_SAMPLER: "throughline_outcome",
});
await using _telemetry = await startTelemetry({ serviceName: "bench" });
await using redis = await startPrivateRedis({ say: console.error });
for (const count of entries) {
  const namespace = `bench-${count}`;
  await fill(redis.url, namespace, count);
  const { spans, seconds, cpuSeconds, peakMiB } = await rebuild(redis.url, namespace);
  console.log(
    `${count} entries: ${spans} spans in ${seconds.toFixed(1)} s, ${Math.round(spans / seconds)}/s, ` +
      `${((cpuSeconds * 1e6) / spans).toFixed(1)} µs of processor time a span, at most ${Math.round(peakMiB)} MiB`,
  );
}

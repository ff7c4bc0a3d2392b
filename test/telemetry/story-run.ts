/** A run of the trading pipeline as processes, at a ratio of its orders: the spans that arrived, and the log that they are held against. */

import { openObserver } from "../../src/index.ts";
import {
  ClientOrder,
  ExchangeOrder,
  ExchangeReport,
  Execution,
  tradingPartitions,
} from "../../trading/domain/index.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { Collector } from "./collector.ts";
import type { WireSpan } from "./otlp.ts";

/** An order in the log, and what has become of it. Event ids lead from one to the next. */
export interface LoggedOrder {
  readonly id: string;
  readonly userId: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly executions: number;
}

/** An exchange order, the orders that it was netted of, and the number of its fills. */
export interface LoggedExchangeOrder {
  readonly id: string;
  readonly traceparent: string;
  readonly orders: readonly LoggedOrder[];
  readonly fills: number;
  /** The bytes of the field `stories` of all its entries, fills included. */
  readonly storyBytes: number;
}

export interface StoryRun {
  readonly namespace: string;
  readonly spans: readonly WireSpan[];
  readonly orders: readonly LoggedOrder[];
  readonly exchangeOrders: readonly LoggedExchangeOrder[];
}

/** Runs the first orders of a file through the pipeline. `ratio`: of the orders that are sampled. */
export async function runStories(file: string, most: number, ratio: number): Promise<StoryRun> {
  await using collector = await Collector.start();
  const namespace = freshNamespace();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_METRICS_EXPORTER: "none",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: String(ratio),
  };
  const args = ["--redis", redisUrl(), "--namespace", namespace];
  await using sender = startProcess("test/telemetry/fixtures/order-sender.ts", args, { env });
  await using manager = startProcess("producers/order-manager/main.ts", [...args, "--port", "0"], { env });
  // The orders are all there before the Algorithm reads: so its batches are full, and many orders are netted.
  await using client = startProcess(
    "test/telemetry/fixtures/places-orders.ts",
    [redisUrl(), namespace, file, String(most)],
    { env },
  );
  await client.line("placed", 300_000);
  await using algorithm = startProcess("consumers/algorithm/main.ts", args, { env });
  await using observer = openObserver({ url: redisUrl(), namespace });
  const processes = [algorithm, sender, manager];
  let before = "";
  await eventually(async () => {
    const { components } = await observer.status();
    const channels = components.flatMap((component) => component.channels);
    const isIdle =
      channels.length === 7 * tradingPartitions &&
      channels.every(({ lagEntries, pending }) => lagEntries === 0 && pending === 0);
    // Channels are looked at one after the other: at rest they stand where they stood at the last look.
    const positions = channels.map(({ position }) => position).join();
    const isAtRest = isIdle && positions === before;
    before = positions;
    return isAtRest;
  }, 540_000);
  // This Collector, which decodes each span, is slower than the pipeline: a process that ended now would lose what it holds, and say so.
  await collector.silence(3_000);
  for (const process of processes) process.kill("SIGTERM");
  for (const process of [...processes, client]) {
    await process.ended;
    if (/dropped|not delivered|lost in all/.test(process.stderr()))
      throw new Error(`spans were lost: ${process.stderr()}`);
  }
  await collector.become("accept"); // its answer comes after all that has arrived
  // The others are the user's own Redis calls.
  return {
    namespace,
    spans: collector.spans.filter(({ scope }) => scope === "throughline"),
    ...(await readLog(observer)),
  };
}

async function readLog(observer: ReturnType<typeof openObserver>): Promise<Omit<StoryRun, "spans" | "namespace">> {
  const executions = new Map<string, number>();
  for await (const { envelope } of observer.read("executions")) {
    const { userId, clientOrderId } = Execution.parse(JSON.parse(envelope?.payload ?? ""));
    executions.set(`${userId}:${clientOrderId}`, (executions.get(`${userId}:${clientOrderId}`) ?? 0) + 1);
  }
  const orders = new Map<string, LoggedOrder>();
  for await (const { envelope } of observer.read("client-orders")) {
    const { id, userId } = ClientOrder.parse(JSON.parse(envelope?.payload ?? ""));
    const [, traceId = "", spanId = "", flags] = envelope?.traceparent.split("-") ?? [];
    const own = {
      id,
      userId,
      traceId,
      spanId,
      isSampled: flags === "01",
      executions: executions.get(`${userId}:${id}`) ?? 0,
    };
    orders.set(envelope?.id ?? "", own);
  }
  const fills = new Map<string, { count: number; bytes: number }>();
  for await (const { envelope } of observer.read("fills")) {
    const { exchangeOrderId } = ExchangeReport.parse(JSON.parse(envelope?.payload ?? ""));
    const before = fills.get(exchangeOrderId) ?? { count: 0, bytes: 0 };
    fills.set(exchangeOrderId, { count: before.count + 1, bytes: before.bytes + (envelope?.stories.length ?? 0) });
  }
  const exchangeOrders: LoggedExchangeOrder[] = [];
  for await (const { envelope } of observer.read("exchange-orders")) {
    const { id } = ExchangeOrder.parse(JSON.parse(envelope?.payload ?? ""));
    const of = fills.get(id) ?? { count: 0, bytes: 0 };
    exchangeOrders.push({
      id,
      traceparent: envelope?.traceparent ?? "",
      orders: envelope?.causes.flatMap((cause) => orders.get(cause.id) ?? []) ?? [],
      fills: of.count,
      storyBytes: of.bytes + (envelope?.stories.length ?? 0),
    });
  }
  return { orders: [...orders.values()], exchangeOrders };
}

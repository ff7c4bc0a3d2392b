/** The three components as processes of their own that send their spans to a Collector, and a client that publishes orders. */

import { type Backbone, connectBackbone, type EventRef, withBaggage } from "../../src/index.ts";
import { startTelemetry } from "../../src/telemetry.ts";
import { type ClientOrder, clientOrderEventId, clientOrders } from "../../trading/domain/index.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { Collector } from "./collector.ts";

export interface Pipeline extends AsyncDisposable {
  readonly collector: Collector;
  readonly backbone: Backbone;
  readonly namespace: string;
  readonly processes: readonly StartedProcess[];
  /** Publishes all in one tick, each as a root of its own: they are appended together. */
  publish(orders: readonly ClientOrder[]): Promise<readonly EventRef[]>;
}

const quickExport = {
  OTEL_BSP_SCHEDULE_DELAY: "50",
  OTEL_METRIC_EXPORT_INTERVAL: "1000",
  OTEL_METRIC_EXPORT_TIMEOUT: "900",
};

/** One per test file: a process has one telemetry. */
export async function startPipeline(): Promise<Pipeline> {
  await using opening = new AsyncDisposableStack();
  const collector = opening.use(await Collector.start());
  const namespace = freshNamespace();
  const env = { ...quickExport, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  const args = ["--redis", redisUrl(), "--namespace", namespace];
  const start = (script: string, ...more: string[]): StartedProcess =>
    opening.use(startProcess(script, [...args, ...more], { env }));
  const processes = [
    start("consumers/algorithm/main.ts", "--max-slice-quantity", "100"),
    start("test/telemetry/fixtures/order-sender.ts"),
    start("producers/order-manager/main.ts", "--port", "0"),
  ];
  await Promise.all(processes.map((process) => process.line("started")));
  Object.assign(process.env, env);
  const telemetry = opening.use(await startTelemetry({ serviceName: "client" }));
  const backbone = opening.use(await connectBackbone({ url: redisUrl(), namespace, log: telemetry.log }));
  const opened = opening.move();
  return {
    collector,
    backbone,
    namespace,
    processes,
    publish: (orders) =>
      Promise.all(
        orders.map((order) =>
          withBaggage({ "user.id": order.userId, "client.order_id": order.id }, () =>
            backbone.publish(clientOrders, order, { eventId: clientOrderEventId(order) }),
          ),
        ),
      ),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

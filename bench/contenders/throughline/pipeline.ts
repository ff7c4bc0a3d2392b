/** The trading pipeline as `npm start` runs it: orders in, executions out, until all of it is idle. */

import { setTimeout } from "node:timers/promises";
import { followExecutions } from "../../../producers/order-manager/gateway/feed.ts";
import { placeOrder } from "../../../producers/order-manager/index.ts";
import {
  type Execution,
  exchangeOrders,
  executions,
  quantityOf,
  tradingPartitions,
} from "../../../trading/domain/index.ts";
import { startComponents } from "../../../trading/pipeline/components.ts";
import { inChunks } from "../../bulk.ts";
import type { Contender } from "../../contender.ts";
import { percentile } from "../../statistics.ts";
import { clientOrderOf, clientOrders, orderedQuantity } from "../pipeline/orders.ts";
import { openBenchVenue } from "../pipeline/venue.ts";
import { connect, log, namespace } from "./common.ts";

/** The pipeline with a venue of its own, on an empty namespace. */
async function openPipeline(url: string, latencyMs?: number) {
  await using opening = new AsyncDisposableStack();
  const backbone = opening.use(await connect(url, tradingPartitions));
  const venue = opening.use(await openBenchVenue(latencyMs));
  const { signal } = new AbortController();
  const components = opening.use(await startComponents({ backbone, url, namespace, log, signal, venue }));
  const opened = opening.move();
  return { backbone, components, venue, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

export const trading: Contender["works"] = {
  pipeline: async ({ url, count, meter }) => {
    await using opened = await openPipeline(url);
    const { backbone, components, venue } = opened;
    await meter.ready();
    const before = await venue.cpuMicros();
    meter.begin();
    const placed = inChunks(count, (first, end) =>
      Promise.all(clientOrders(first, end).map((order) => placeOrder(backbone, order))),
    );
    await Promise.race([placed.then(() => components.whenIdle()), components.failed]);
    const sample = await meter.end(count);
    const venueMicros = ((await venue.cpuMicros()) - before) / count;
    let executed = 0;
    let quantity = 0;
    for await (const { envelope } of backbone.read(executions)) {
      executed++;
      quantity += quantityOf(JSON.parse(envelope?.payload ?? "{}") as Execution);
    }
    const ordered = orderedQuantity(count);
    if (quantity !== ordered) throw new Error(`${quantity} of ${ordered} shares were executed`);
    let sent = 0;
    for await (const _ of backbone.read(exchangeOrders)) sent++;
    return { ...sample, venueMicros, exchangeOrdersEach: sent / count, executionsEach: executed / count };
  },
  roundTrip: async ({ url, count, shape, meter }) => {
    const { perSecond = 500 } = shape;
    await using opened = await openPipeline(url, 5);
    const { backbone, components } = opened;
    const firstMs = new Float64Array(count);
    const following = new AbortController();
    const followed = followExecutions(
      backbone,
      "0-0",
      ({ clientOrderId }) => {
        const i = Number(clientOrderId.slice("c-".length));
        if (firstMs[i] === 0) firstMs[i] = performance.now();
      },
      log,
      following.signal,
    );
    await meter.ready();
    meter.begin();
    const startMs = performance.now() + 100;
    const placing: Promise<unknown>[] = [];
    for (let i = 0; i < count; i++) {
      // An order that is placed late is late from when it was due.
      const waitMs = startMs + (i * 1_000) / perSecond - performance.now();
      if (waitMs > 0) await setTimeout(waitMs);
      placing.push(placeOrder(backbone, clientOrderOf(i)));
    }
    await Promise.race([Promise.all(placing).then(() => components.whenIdle()), components.failed]);
    const { clientMicros = Number.NaN, redisMicros = Number.NaN } = await meter.end(count);
    while (firstMs.some((at) => at === 0)) await setTimeout(10);
    following.abort();
    await followed;
    // Connections and code get warm in the first fifth.
    const latencies = [...firstMs]
      .map((at, i) => at - (startMs + (i * 1_000) / perSecond))
      .slice(Math.floor(count / 5))
      .sort((a, b) => a - b);
    return {
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      p999Ms: percentile(latencies, 0.999),
      clientMicros,
      redisMicros,
    };
  },
};

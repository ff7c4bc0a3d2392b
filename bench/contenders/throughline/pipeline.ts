/** The trading pipeline as `npm start` runs it: orders in, executions out, until all of it is idle. */

import { placeOrder } from "../../../producers/order-manager/index.ts";
import { type ClientOrder, type Execution, executions } from "../../../trading/domain/index.ts";
import { startComponents } from "../../../trading/pipeline/components.ts";
import { inChunks } from "../../bulk.ts";
import type { Contender } from "../../contender.ts";
import { connect, log, namespace } from "./common.ts";

function clientOrderOf(i: number): ClientOrder {
  return {
    id: `c-${i}`,
    userId: `u-${i % 97}`,
    symbol: `S${i % 23}`,
    side: i % 2 === 0 ? "buy" : "sell",
    price: `${180 + (i % 5)}.25`,
    quantity: 100 + (i % 900),
    orderType: "limit",
  };
}

export const trading: Contender["works"] = {
  pipeline: async ({ url, count, meter }) => {
    await using backbone = await connect(url);
    const { signal } = new AbortController();
    const exchange = { seed: "bench", rejectRate: 0 };
    await using components = await startComponents({ backbone, url, namespace, log, signal, exchange });
    await meter.ready();
    meter.begin();
    const placed = inChunks(count, (first, end) => {
      const numbers = Array.from({ length: end - first }, (_, i) => first + i);
      return Promise.all(numbers.map((i) => placeOrder(backbone, clientOrderOf(i))));
    });
    await Promise.race([placed.then(() => components.whenIdle()), components.failed]);
    const sample = await meter.end(count);
    let executed = 0;
    let quantity = 0;
    for await (const { envelope } of backbone.read(executions)) {
      executed++;
      quantity += (JSON.parse(envelope?.payload ?? "{}") as Execution).quantity;
    }
    const ordered = Array.from({ length: count }, (_, i) => clientOrderOf(i).quantity).reduce((a, b) => a + b, 0);
    if (quantity !== ordered) throw new Error(`${quantity} of ${ordered} shares were executed`);
    return { ...sample, executionsEach: executed / count };
  },
};

/** The real pipeline for the console's tests: trading's three components, and orders that they handle. */

import { placeOrder } from "../../producers/order-manager/index.ts";
import { connectBackbone } from "../../src/index.ts";
import { type ClientOrder, tradingPartitions } from "../../trading/domain/index.ts";
import { startComponents } from "../../trading/pipeline/components.ts";
import { memoryLog } from "../support/backbone.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { openVenue } from "../trading/venue/test-venue.ts";

export interface Pipeline extends AsyncDisposable {
  readonly url: string;
  readonly namespace: string;
  /** Places orders `o-<from>` up to `o-<to>`, and resolves when they are executed. */
  place(from: number, to: number): Promise<void>;
}

function orderOf(n: number): ClientOrder {
  return {
    id: `o-${n}`,
    userId: `user-${n % 3}`,
    symbol: n % 2 === 0 ? "AAPL" : "MSFT",
    side: "buy",
    price: "100.5",
    quantity: 100,
    orderType: "limit",
  };
}

/** Starts the components. `url`: where a proxy is to stand between. */
export async function startPipeline(url: string = redisUrl(), namespace: string = freshNamespace()): Promise<Pipeline> {
  const log = memoryLog([]);
  const ended = new AbortController();
  await using opening = new AsyncDisposableStack();
  const backbone = opening.use(
    await connectBackbone({ url, namespace, log, partitions: { ifNew: tradingPartitions } }),
  );
  const venue = opening.use(await openVenue());
  const components = opening.use(await startComponents({ backbone, url, namespace, log, signal: ended.signal, venue }));
  const opened = opening.move();
  return {
    url,
    namespace,
    place: async (from, to) => {
      const orders = Array.from({ length: to - from + 1 }, (_, i) => orderOf(from + i));
      await Promise.all(orders.map((order) => placeOrder(backbone, order)));
      await components.whenIdle();
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

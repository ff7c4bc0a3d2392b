/** The trading pipeline, run live in a namespace of its own with two members of the Algorithm, and what it left in the log. */

import { readFile } from "node:fs/promises";
import { createAlgorithm } from "../../consumers/algorithm/index.ts";
import { createOrderManager, placeFile, placeOrder } from "../../producers/order-manager/index.ts";
import { openLog } from "../../src/composition/component-replays.ts";
import { connectBackbone } from "../../src/index.ts";
import type { ReplaySource } from "../../src/replay/source/source.ts";
import type { ClientOrder } from "../../trading/domain/index.ts";
import { type Opened, open } from "../support/backbone.ts";
import { redisUrl } from "../support/redis.ts";
import { openVenue, senderFor, whenTraded } from "../trading/venue/test-venue.ts";

export const tradingChannels = [
  "client-orders",
  "exchange-orders",
  "venue-orders",
  "reports",
  "fills",
  "executions",
] as const;
export const tradingComponents = ["algorithm", "order-sender", "order-manager"] as const;

export interface Trading extends AsyncDisposable {
  readonly o: Opened;
  /** All that the Algorithm and the Order Manager have to do with, as it is in the log now. */
  record(): Promise<ReplaySource>;
}

/** The first orders of a file of JSON lines. */
export async function ordersOf(path: string, count: number): Promise<readonly ClientOrder[]> {
  const lines = (await readFile(path, "utf8")).split("\n").slice(0, count);
  return lines.map((line) => JSON.parse(line) as ClientOrder);
}

/** Places the orders, a file's or given ones, and resolves when all of them are executed or rejected. */
export async function trade(orders: string | readonly ClientOrder[]): Promise<Trading> {
  await using opening = new AsyncDisposableStack();
  const o = opening.use(await open());
  const { namespace } = o.backbone;
  const second = opening.use(await connectBackbone({ url: redisUrl(), namespace }));
  const manager = createOrderManager(o.backbone);
  const first = createAlgorithm(o.backbone);
  const other = createAlgorithm(second);
  const venue = opening.use(await openVenue({ latencyMs: 1, rejectRate: 0.05 }));
  const sender = senderFor(o.backbone, [venue]);
  const components = [manager, first, other, sender];
  const runs = components.map((component) => component.run());
  await Promise.all(components.map((component) => component.ready()));
  if (typeof orders === "string") await placeFile(o.backbone, orders, { symbol: "AAPL" });
  else await Promise.all(orders.map((order) => placeOrder(o.backbone, order)));
  // In the order of the flow. Each member's `whenIdle` speaks for its whole component.
  await whenTraded(o.backbone, venue, [first, sender, first, manager]);
  await Promise.all(components.map((component) => component.drain()));
  await Promise.all(runs);
  const opened = opening.move();
  return {
    o,
    record: () =>
      openLog(o.backbone, ["client-orders", "exchange-orders", "fills", "executions"], {
        components: tradingComponents,
      }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A gateway on a namespace of its own, with a venue and, where a test wants them, the three components. */

import { createAlgorithm } from "../../../consumers/algorithm/index.ts";
import {
  createOrderManager,
  type Gateway,
  type GatewayOptions,
  startGateway,
} from "../../../producers/order-manager/index.ts";
import { type Backbone, connectBackbone } from "../../../src/index.ts";
import { silentLog } from "../../../src/ports/log.ts";
import { clientOrders } from "../../../trading/domain/index.ts";
import type { MarketOptions } from "../../../trading/venue/market.ts";
import { freshNamespace, redisUrl } from "../../support/redis.ts";
import { openVenue, senderFor, type TestVenue } from "../../trading/venue/test-venue.ts";

export interface Desk extends AsyncDisposable {
  readonly backbone: Backbone;
  readonly gateway: Gateway;
  readonly venue: TestVenue;
  /** Starts the three components; without them orders are accepted and stay open. */
  trade(): Promise<void>;
  /** A second gateway, as another process has. */
  another(): Promise<Gateway>;
}

/** Opens a gateway on a namespace of its own, with a venue. */
export async function openDesk(options: Partial<GatewayOptions> = {}, market: MarketOptions = {}): Promise<Desk> {
  const stack = new AsyncDisposableStack();
  const backbone = stack.use(await connectBackbone({ url: redisUrl(), namespace: freshNamespace(), log: silentLog }));
  const open = async (): Promise<Gateway> =>
    stack.use(await startGateway(backbone, { port: 0, log: silentLog, ...options }));
  const venue = stack.use(await openVenue({ latencyMs: 0, ...market }));
  return {
    backbone,
    venue,
    gateway: await open(),
    another: open,
    trade: async () => {
      for (const component of [createOrderManager(backbone), createAlgorithm(backbone), senderFor(backbone, [venue])]) {
        const running = component.run();
        stack.defer(async () => {
          await component.drain();
          await running;
        });
        await component.ready();
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export const order = { id: "a-1", symbol: "AAPL", side: "buy", price: "577.50", quantity: 250 };

/** Number of orders in the log. */
export async function ordersIn(backbone: Backbone): Promise<number> {
  let count = 0;
  for await (const _ of backbone.read(clientOrders)) count++;
  return count;
}

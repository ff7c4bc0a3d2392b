/** Composes the Order Sender: exchange orders in, the exchange's reports out. */

import { type Backbone, type Component, type ComponentOptions, on } from "../../src/index.ts";
import { exchangeOrders } from "../../src/orders/index.ts";
import type { Exchange } from "./exchange.ts";
import { sendOrder } from "./handlers.ts";

export interface OrderSenderOptions {
  readonly component?: ComponentOptions;
}

export function createOrderSender(
  backbone: Pick<Backbone, "component">,
  exchange: Exchange,
  options: OrderSenderOptions = {},
): Component {
  return backbone.component("order-sender", [on(exchangeOrders, sendOrder(exchange))], options.component);
}

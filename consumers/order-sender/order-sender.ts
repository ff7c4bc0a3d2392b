/** Composes the Order Sender: exchange orders in, the exchange's reports out. */

import { type Backbone, type Component, type ComponentOptions, on, type Subscription } from "throughline";
import type { Exchange } from "../../trading/domain/exchange.ts";
import { exchangeOrders } from "../../trading/domain/index.ts";
import { sendOrder } from "./handlers.ts";

/** The component's name. The effect ids under which it sends contain it. */
export const orderSender = "order-sender";

export interface OrderSenderOptions {
  readonly component?: ComponentOptions;
}

/** The Order Sender's handler by channel, to be run without a connection. */
export function orderSenderSubscriptions(exchange: Exchange): readonly Subscription[] {
  return [on(exchangeOrders, sendOrder(exchange))];
}

export function createOrderSender(
  backbone: Pick<Backbone, "component">,
  exchange: Exchange,
  options: OrderSenderOptions = {},
): Component {
  return backbone.component(orderSender, orderSenderSubscriptions(exchange), options.component);
}

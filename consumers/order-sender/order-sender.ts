/** Composes the Order Sender: exchange orders in, the exchange's reports out. */

import { type Backbone, type Component, type ComponentOptions, on, type Subscription } from "throughline";
import type { Exchange } from "../../trading/domain/exchange.ts";
import { exchangeOrders } from "../../trading/domain/index.ts";
import { sendOrder } from "./handlers.ts";

/** The component's name, from which the ids under which it sends derive. */
export const orderSender = "order-sender";

export interface OrderSenderOptions {
  readonly component?: ComponentOptions;
}

/** Its handler by channel, for whoever runs it without a connection. */
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

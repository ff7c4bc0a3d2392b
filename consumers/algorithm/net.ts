/** Nets client orders: those of one symbol, side, type and limit price become one (many to one). */

import type { Event } from "throughline";
import { type ClientOrder, canonicalPrice, type OrderType, type Side } from "../../trading/domain/index.ts";

/** Client orders that go to the exchange together, in the order in which they came. */
export interface NetOrder {
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly orderType: OrderType;
  readonly orders: readonly Event<ClientOrder>[];
}

/** Nets a batch. Groups stand in the order of their first client order; no order is dropped and none is in two groups. */
export function net(orders: readonly Event<ClientOrder>[]): readonly NetOrder[] {
  const groups = new Map<string, NetOrder & { readonly orders: Event<ClientOrder>[] }>();
  for (const order of orders) {
    const { symbol, side, orderType } = order.payload;
    const price = canonicalPrice(order.payload.price);
    const name = `${symbol} ${side} ${orderType} ${price}`;
    const group = groups.get(name);
    if (group !== undefined) group.orders.push(order);
    else groups.set(name, { symbol, side, price, orderType, orders: [order] });
  }
  return [...groups.values()];
}

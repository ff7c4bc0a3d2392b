/** The client orders of the pipeline's rounds: mixed symbols, both sides, five prices. */

import type { ClientOrder } from "../../../trading/domain/index.ts";

export function clientOrderOf(i: number): ClientOrder {
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

/** The orders from `first` up to `end`, without it. */
export function clientOrders(first: number, end: number): readonly ClientOrder[] {
  return Array.from({ length: end - first }, (_, i) => clientOrderOf(first + i));
}

export function orderedQuantity(count: number): number {
  return clientOrders(0, count).reduce((sum, { quantity }) => sum + quantity, 0);
}

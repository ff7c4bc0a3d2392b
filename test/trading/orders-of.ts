/** Client orders for tests: random ones for properties, and one to change for examples. */

import fc from "fast-check";
import type { Event } from "../../src/index.ts";
import { type ClientOrder, clientOrderEventId, clientOrders } from "../../trading/domain/index.ts";
import { eventOf } from "./fake-tools.ts";

export function order(changed: Partial<ClientOrder> = {}): ClientOrder {
  const base = {
    id: "c-1",
    userId: "ann",
    symbol: "AAPL",
    side: "buy",
    price: "577.5",
    quantity: 100,
    orderType: "limit",
  };
  return { ...base, ...changed } as ClientOrder;
}

export function orderEvent(changed: Partial<ClientOrder> = {}, time = 1): Event<ClientOrder> {
  const payload = order(changed);
  return eventOf(clientOrders, payload, clientOrderEventId(payload), time) as Event<ClientOrder>;
}

/** A batch with few symbols and prices, so that it nets, and some quantities that have to be sliced. */
export const batches: fc.Arbitrary<readonly Event<ClientOrder>[]> = fc
  .array(
    fc.record({
      userId: fc.constantFrom("ann", "bob", "cy"),
      symbol: fc.constantFrom("AAPL", "MSFT"),
      side: fc.constantFrom("buy" as const, "sell" as const),
      price: fc.constantFrom("577.5", "577.50", "577.51", "6"),
      quantity: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1_000, max: 20_000 })),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((orders) => orders.map((changed, n) => orderEvent({ ...changed, id: `c-${n}` })));

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The simulated exchange's book in memory, for tests that need no second process. */

import type { VenueReport } from "../../../consumers/order-sender/index.ts";
import { type Book, type BookTotals, totalsOf } from "../../../trading/venue/book.ts";

export function memoryBook(): Book {
  const entered = new Map<string, readonly VenueReport[]>();
  return {
    enter: async (orderId, reports) => {
      if (!entered.has(orderId)) entered.set(orderId, reports);
      return entered.get(orderId) ?? reports;
    },
    totals: async () =>
      [...entered.values()].map(totalsOf).reduce(
        (sum, one): BookTotals => ({
          orders: sum.orders + one.orders,
          orderedQuantity: sum.orderedQuantity + one.orderedQuantity,
          filledQuantity: sum.filledQuantity + one.filledQuantity,
          rejectedQuantity: sum.rejectedQuantity + one.rejectedQuantity,
          fills: sum.fills + one.fills,
        }),
        { ...totalsOf([]), orders: 0 },
      ),
  };
}

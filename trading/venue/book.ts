/** The simulated exchange's book: the orders that it has taken, and its reports about each. */

import type { VenueReport } from "../domain/exchange.ts";

/** The exchange's own totals, over all orders ever taken. */
export interface BookTotals {
  readonly orders: number;
  readonly orderedQuantity: number;
  readonly filledQuantity: number;
  readonly rejectedQuantity: number;
  readonly fills: number;
}

export interface Book {
  /** Enters an order with its reports. Resolves with the reports of the first time where the order is there already. */
  enter(orderId: string, reports: readonly VenueReport[]): Promise<readonly VenueReport[]>;
  totals(): Promise<BookTotals>;
}

/** The part of one order in the totals. */
export function totalsOf(reports: readonly VenueReport[]): BookTotals {
  let filledQuantity = 0;
  let rejectedQuantity = 0;
  let fills = 0;
  for (const { kind, quantity } of reports) {
    if (kind === "rejected") rejectedQuantity += quantity;
    else {
      filledQuantity += quantity;
      fills++;
    }
  }
  return { orders: 1, orderedQuantity: filledQuantity + rejectedQuantity, filledQuantity, rejectedQuantity, fills };
}

/** The simulated exchange's book: which orders it has taken, and what it said about each. */

import type { VenueReport } from "../domain/exchange.ts";

/** What the exchange says it has done, over all orders ever taken. */
export interface BookTotals {
  readonly orders: number;
  readonly orderedQuantity: number;
  readonly filledQuantity: number;
  readonly rejectedQuantity: number;
  readonly fills: number;
}

export interface Book {
  /** Enters an order with its reports; gives back the reports of the first time where it has the order already. */
  enter(orderId: string, reports: readonly VenueReport[]): Promise<readonly VenueReport[]>;
  totals(): Promise<BookTotals>;
}

/** What one order adds to the totals. */
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

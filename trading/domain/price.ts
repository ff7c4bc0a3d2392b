/** Arithmetic on prices: exact decimals, never binary floats. */

import { Big } from "big.js";

/** The one spelling of equal prices: "577.50" and "577.5" are both "577.5". */
export function canonicalPrice(price: string): string {
  return price.includes(".") ? new Big(price).toFixed() : price;
}

/** Returns `sum + price × quantity`. `sum` is empty or a decimal. */
export function addNotional(sum: string, price: string, quantity: number): string {
  return new Big(price)
    .times(quantity)
    .plus(sum === "" ? 0 : sum)
    .toFixed();
}

/** The average price of a share, rounded half up to 8 decimals. */
export function averagePrice(notional: string, quantity: number): string {
  return new Big(notional).div(quantity).round(8, Big.roundHalfUp).toFixed();
}

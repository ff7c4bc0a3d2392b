/** The book of one symbol: what rests on each side, the best price first, at one price the oldest first. */

import type { Side } from "../domain/fields.ts";

/** An order that can rest. The book reads `open`, and its owner changes it. */
export interface Resting {
  readonly side: Side;
  /** The limit, in units of 10^-8. */
  readonly ticks: bigint;
  open: number;
}

/** The orders at one price, oldest first. Those that are done stay until they come first. */
class Level<O extends Resting> {
  readonly ticks: bigint;
  readonly orders: O[] = [];
  first = 0;
  live = 0;

  constructor(ticks: bigint) {
    this.ticks = ticks;
  }

  /** Drops the orders before the first live one. */
  trim(): void {
    while (this.orders[this.first]?.open === 0) this.first++;
    if (this.first < 64 || this.first * 2 < this.orders.length) return;
    this.orders.splice(0, this.first);
    this.first = 0;
  }
}

export class OrderBook<O extends Resting> {
  readonly #sides: Readonly<Record<Side, Level<O>[]>> = { buy: [], sell: [] };

  /** The order that is served next on a side. */
  best(side: Side): O | undefined {
    const [level] = this.#sides[side];
    level?.trim();
    return level?.orders[level.first];
  }

  /** Lets an order rest, behind those of its price. */
  add(order: O): void {
    const levels = this.#sides[order.side];
    const index = this.#indexOf(levels, order.side, order.ticks);
    let level = levels[index];
    if (level?.ticks !== order.ticks) {
      level = new Level(order.ticks);
      levels.splice(index, 0, level);
    }
    level.orders.push(order);
    level.live++;
  }

  /** Forgets an order that rested and has nothing open any more. */
  remove(order: O): void {
    const levels = this.#sides[order.side];
    const index = this.#indexOf(levels, order.side, order.ticks);
    const level = levels[index];
    if (level === undefined || level.ticks !== order.ticks) throw new Error(`nothing rests at ${order.ticks}`);
    level.live--;
    if (level.live === 0) levels.splice(index, 1);
  }

  /** The place of a price among the levels, where it is or would be. */
  #indexOf(levels: readonly Level<O>[], side: Side, ticks: bigint): number {
    let low = 0;
    for (let high = levels.length; low < high; ) {
      const middle = (low + high) >> 1;
      const other = (levels[middle] as Level<O>).ticks;
      if (side === "buy" ? other > ticks : other < ticks) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** True when an order of this side and limit trades with what rests at the other price. */
export function crosses(side: Side, limit: bigint, resting: bigint): boolean {
  return side === "buy" ? resting <= limit : resting >= limit;
}

export function opposite(side: Side): Side {
  return side === "buy" ? "sell" : "buy";
}

/** A decimal price in units of 10^-8. */
export function ticksOf(price: string): bigint {
  const point = price.indexOf(".");
  if (point === -1) return BigInt(price) * 100_000_000n;
  return BigInt(price.slice(0, point) + price.slice(point + 1).padEnd(8, "0"));
}

/** The rest of the market, drawn from a seed: who passes by and trades with what rests, and which orders the venue rejects. */

import { ConfigError } from "throughline";
import { between } from "../domain/seeded-random.ts";
import type { NewOrder } from "../domain/venue.ts";

export interface MarketOptions {
  /** The seed of all that is drawn. Default "1". */
  readonly seed?: string;
  /** From an order's arrival until somebody first trades with what rests of it, ms. Default 5. */
  readonly latencyMs?: number;
  /** Most visits that what rests of an order draws; each trades a part. Default 3. */
  readonly maxFills?: number;
  /** Share of the orders that the venue rejects, at once or when they rest already; 0 to 1. Default 0. */
  readonly rejectRate?: number;
  /** Time after which what rests of an order expires, ms, where the order does not say. Default: never. */
  readonly expireAfterMs?: number;
}

export type Market = Required<Omit<MarketOptions, "expireAfterMs">> & Pick<MarketOptions, "expireAfterMs">;

/** @throws {ConfigError} */
export function resolveMarket(options: MarketOptions): Market {
  const { seed = "1", latencyMs = 5, maxFills = 3, rejectRate = 0, expireAfterMs } = options;
  if (!(latencyMs >= 0 && latencyMs <= 86_400_000)) {
    throw new ConfigError(`the venue's latencyMs is ${latencyMs}; it must be 0 to 86,400,000`);
  }
  if (!Number.isInteger(maxFills) || maxFills < 1 || maxFills > 100) {
    throw new ConfigError(`the venue's maxFills is ${maxFills}; it must be a whole number, 1 to 100`);
  }
  if (!(rejectRate >= 0 && rejectRate <= 1)) {
    throw new ConfigError(`the venue's rejectRate is ${rejectRate}; it must be 0 to 1`);
  }
  if (expireAfterMs !== undefined && !(expireAfterMs >= 1 && expireAfterMs <= 31_536_000_000)) {
    throw new ConfigError(`the venue's expireAfterMs is ${expireAfterMs}; it must be 1 to 31,536,000,000`);
  }
  return { seed, latencyMs, maxFills, rejectRate, ...(expireAfterMs !== undefined && { expireAfterMs }) };
}

/** What will become of an order, beside what it meets in the book. */
export interface Plan {
  /** Rejected at once, for this reason. */
  readonly reject?: string;
  /** What passers-by give or take of a market order. */
  readonly taken?: number;
  /** Visits to the side of the book where it rests; their quantities add up to the order's. */
  readonly visits: readonly { readonly afterMs: number; readonly quantity: number }[];
  /** The venue rejects what is open then. */
  readonly rejectAfterMs?: number;
}

/**
 * Plans for an order, as a function of the seed, its id and its quantity. Passers-by trade with the best order of a side, not with the one that drew them:
 * as each order draws as much as it has, a side is empty when all of them have passed.
 */
export function planFor({ orderId, orderType, quantity }: NewOrder, market: Market): Plan {
  const { seed, latencyMs, maxFills, rejectRate } = market;
  const random = quickRandom(`${seed} ${orderId} ${quantity}`);
  const isRejected = random() < rejectRate;
  const stage = between(random, 0, 2);
  if (isRejected && stage === 0) return { reject: "outside the trading range", visits: [] };
  if (orderType === "market")
    return { taken: between(random, 0, 3) > 0 ? quantity : between(random, 0, quantity), visits: [] };
  const parts = cut(quantity, between(random, 1, maxFills), random);
  let afterMs = latencyMs;
  const visits = parts.map((part, n) => {
    if (n > 0) afterMs += random() * latencyMs;
    return { afterMs, quantity: part };
  });
  if (!isRejected) return { visits };
  return { visits, rejectAfterMs: stage === 1 || parts.length === 1 ? latencyMs / 2 : latencyMs };
}

/** Draws numbers in [0, 1) from a text (mulberry32 over FNV-1a): for thousands of orders a second, where `seededRandom` costs a digest each. */
function quickRandom(text: string): () => number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Cuts the quantity into parts of at least 1 that add up to it; fewer parts than asked for where the quantity is small. */
function cut(quantity: number, parts: number, random: () => number): readonly number[] {
  const cuts = new Set<number>();
  for (let i = 1; i < parts; i++) if (quantity > 1) cuts.add(between(random, 1, quantity - 1));
  const ends = [...[...cuts].sort((a, b) => a - b), quantity];
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}

/** The simulated exchange's treatment of orders: a pure function, so that every process gives the same answer. */

import { createHash } from "node:crypto";
import type { VenueOrder, VenueReport } from "../domain/exchange.ts";
import { between, seededRandom } from "../domain/index.ts";

export interface Behaviour {
  readonly seed: string;
  /** Most fills of one order, from 1. */
  readonly maxFills: number;
  /** Share of the orders that are rejected, in whole or after a first fill; 0 to 1. */
  readonly rejectRate: number;
}

/** A report before it has a time. */
export type Decision =
  | { readonly kind: "filled"; readonly id: string; readonly quantity: number; readonly price: string }
  | { readonly kind: "rejected"; readonly id: string; readonly quantity: number; readonly reason: string };

/** Decides on an order, as a function of the seed, its id and its quantity. The quantities add up to the order's. */
export function decide(order: VenueOrder, { seed, maxFills, rejectRate }: Behaviour): readonly Decision[] {
  const { clientOrderId, quantity, price } = order;
  const identity = JSON.stringify([seed, clientOrderId, quantity]);
  const random = seededRandom(identity);
  // Separate draws, so that the reject rate changes only which orders are rejected.
  const rejected = random() < rejectRate;
  const parts = cut(quantity, between(random, 1, maxFills), random);
  const kept = rejected ? between(random, 0, parts.length - 1) : parts.length;
  const name = createHash("sha256").update(identity).digest("hex").slice(0, 24);
  const decisions: Decision[] = parts
    .slice(0, kept)
    .map((part, n) => ({ kind: "filled", id: `f-${name}-${n}`, quantity: part, price }));
  if (!rejected) return decisions;
  const rest = parts.slice(kept).reduce((sum, part) => sum + part, 0);
  const reason = kept === 0 ? "outside the trading range" : "cancelled by the exchange";
  return [...decisions, { kind: "rejected", id: `r-${name}`, quantity: rest, reason }];
}

/** Makes the reports of these decisions, all at one moment. */
export function reportsAt(decisions: readonly Decision[], at: number): readonly VenueReport[] {
  return decisions.map((decision) => ({ ...decision, at }));
}

/**
 * Cuts the quantity into parts of at least 1 that add up to it; fewer parts than asked for where the quantity is small.
 */
function cut(quantity: number, parts: number, random: () => number): readonly number[] {
  const cuts = new Set<number>();
  for (let i = 1; i < parts; i++) if (quantity > 1) cuts.add(between(random, 1, quantity - 1));
  const ends = [...[...cuts].sort((a, b) => a - b), quantity];
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}

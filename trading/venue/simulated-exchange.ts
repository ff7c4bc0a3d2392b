/** The simulated exchange: latency, partial and multiple fills, rejects on request, and a book that remembers. */

import { setTimeout } from "node:timers/promises";
import { ConfigError } from "throughline";
import type { Exchange } from "../domain/exchange.ts";
import { decide, reportsAt } from "./behaviour.ts";
import type { Book } from "./book.ts";

export interface SimulatedExchangeOptions {
  readonly name?: string;
  /** The seed of all decisions. Default "1". */
  readonly seed?: string;
  /** Longest time for an order, ms; each takes a random time up to it. Default 5; 0 answers at once. */
  readonly maxLatencyMs?: number;
  /** Most fills of one order. Default 3. */
  readonly maxFills?: number;
  /** Share of the orders that are rejected, in whole or after a first fill; 0 to 1. Default 0. */
  readonly rejectRate?: number;
}

/** Makes the exchange. @throws {ConfigError} */
export function createSimulatedExchange(book: Book, options: SimulatedExchangeOptions = {}): Exchange {
  const { name = "simulated", seed = "1", maxLatencyMs = 5, maxFills = 3, rejectRate = 0 } = options;
  if (!(maxLatencyMs >= 0 && maxLatencyMs <= 60_000)) {
    throw new ConfigError(`the simulated exchange's maxLatencyMs is ${maxLatencyMs}; it must be 0 to 60,000`);
  }
  if (!Number.isInteger(maxFills) || maxFills < 1 || maxFills > 100) {
    throw new ConfigError(`the simulated exchange's maxFills is ${maxFills}; it must be a whole number, 1 to 100`);
  }
  if (!(rejectRate >= 0 && rejectRate <= 1)) {
    throw new ConfigError(`the simulated exchange's rejectRate is ${rejectRate}; it must be 0 to 1`);
  }
  return {
    name,
    submit: async (order) => {
      if (maxLatencyMs > 0) await setTimeout(Math.random() * maxLatencyMs);
      return book.enter(order.clientOrderId, reportsAt(decide(order, { seed, maxFills, rejectRate }), Date.now()));
    },
  };
}

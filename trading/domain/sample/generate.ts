/** Writes the sample: `node trading/domain/sample/generate.ts > trading/domain/sample/orders.ndjson`. The seed makes it repeatable. */

import { Big } from "big.js";
import { between, type ClientOrder, seededRandom } from "../index.ts";

const seed = "throughline-sample-1";
const count = 2_400;

/** Each instrument's share of the orders, opening price in cents, and distance of two levels of the book. */
const instruments = [
  { symbol: "AAPL", weight: 0.4, cents: 57_740, tick: 1 },
  { symbol: "MSFT", weight: 0.25, cents: 41_520, tick: 1 },
  { symbol: "NVDA", weight: 0.2, cents: 13_165, tick: 1 },
  { symbol: "BRK.B", weight: 0.1, cents: 40_305, tick: 5 },
  { symbol: "ERIC", weight: 0.05, cents: 689, tick: 1 },
] as const;
const users = Array.from({ length: 24 }, (_, i) => `user-${String(i + 1).padStart(2, "0")}`);

const random = seededRandom(seed);
const mids: Map<string, number> = new Map(instruments.map(({ symbol, cents }) => [symbol, cents]));
let burst: { readonly order: ClientOrder; left: number } | undefined;

for (let n = 1; n <= count; n++) {
  process.stdout.write(`${JSON.stringify(next(`s-${String(n).padStart(5, "0")}`))}\n`);
}

/**
 * Draws the next order. Orders come in bursts at one price, as they do when a level is reached: netting is for these.
 */
function next(id: string): ClientOrder {
  const userId = pick(users);
  if (burst !== undefined && burst.left > 0) {
    burst.left--;
    return { ...burst.order, id, userId, quantity: drawQuantity() };
  }
  const { symbol, tick } = pickInstrument();
  // The mid moves at random; nearly all orders are within a few levels of it.
  const mid = (mids.get(symbol) ?? 0) + between(random, -1, 1) * tick;
  mids.set(symbol, mid);
  const side = random() < 0.5 ? "buy" : "sell";
  const away = Math.floor(random() ** 2 * 8) * tick;
  const cents = Math.max(tick, side === "buy" ? mid - away : mid + away);
  const price = new Big(cents).div(100).toFixed(2);
  const orderType = random() < 0.1 ? "market" : "limit";
  const order: ClientOrder = { id, userId, symbol, side, price, quantity: drawQuantity(), orderType };
  burst = { order, left: random() < 0.3 ? between(random, 1, 8) : 0 };
  return order;
}

/** Draws a quantity: mostly round lots, some odd lots, a few blocks that have to be sliced. */
function drawQuantity(): number {
  const kind = random();
  if (kind < 0.7) return 100 * between(random, 1, 5);
  if (kind < 0.95) return between(random, 1, 99);
  return 1_000 * between(random, 2, 12);
}

function pickInstrument(): (typeof instruments)[number] {
  let left = random();
  for (const instrument of instruments) {
    left -= instrument.weight;
    if (left < 0) return instrument;
  }
  return instruments[0];
}

function pick<T>(from: readonly T[]): T {
  return from[between(random, 0, from.length - 1)] as T;
}

/** The three books of the trading pipeline as quantity facts. */

import type { VenueTotals } from "../../trading/domain/index.ts";
import type { Ledger } from "../../trading/pipeline/ledger.ts";
import type { FactOf } from "./history.ts";
import type { Violation } from "./violation.ts";

/** The quantities of client and exchange orders by the log, and those by the exchange's own book. */
export function quantityFacts(ledger: Ledger, exchange: VenueTotals): readonly FactOf<"quantity">[] {
  const facts: FactOf<"quantity">[] = [];
  for (const [book, accounts] of [
    ["client orders", ledger.clientOrders],
    ["exchange orders", ledger.exchangeOrders],
  ] as const) {
    for (const [order, { ordered, executed, rejected, cancelled }] of accounts) {
      facts.push({ fact: "quantity", book, order, ordered, executed, rejected, cancelled });
    }
  }
  facts.push({
    fact: "quantity",
    book: "exchange",
    order: "",
    ordered: exchange.ordered,
    executed: exchange.filled,
    rejected: exchange.rejected,
    cancelled: exchange.cancelled,
  });
  return facts;
}

/** Contradictions in the log: repeated ids, and reports of orders that do not exist. */
export function contradictionsOf({ contradictions }: Ledger): readonly Violation[] {
  return contradictions.map((text) => ({ kind: "sum", text }));
}

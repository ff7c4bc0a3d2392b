/** The three books of the trading pipeline as quantity facts. */

import type { ExchangeTotals } from "../../trading/pipeline/conservation.ts";
import type { Ledger } from "../../trading/pipeline/ledger.ts";
import type { FactOf } from "./history.ts";
import type { Violation } from "./violation.ts";

/** The quantities of client and exchange orders by the log, and those by the exchange's own book. */
export function quantityFacts(ledger: Ledger, exchange: ExchangeTotals): readonly FactOf<"quantity">[] {
  const facts: FactOf<"quantity">[] = [];
  for (const [book, accounts] of [
    ["client orders", ledger.clientOrders],
    ["exchange orders", ledger.exchangeOrders],
  ] as const) {
    for (const [order, { ordered, executed, rejected }] of accounts) {
      facts.push({ fact: "quantity", book, order, ordered, executed, rejected });
    }
  }
  facts.push({
    fact: "quantity",
    book: "exchange",
    order: "",
    ordered: exchange.orderedQuantity,
    executed: exchange.filledQuantity,
    rejected: exchange.rejectedQuantity,
  });
  return facts;
}

/** Contradictions in the log: repeated ids, and reports of orders that do not exist. */
export function contradictionsOf({ contradictions }: Ledger): readonly Violation[] {
  return contradictions.map((text) => ({ kind: "sum", text }));
}

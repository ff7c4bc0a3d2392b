/**
 * Checks that quantity is conserved: each ordered share is executed, rejected, cancelled or open, and three books agree on the
 * numbers.
 */

import type { VenueTotals } from "../domain/index.ts";
import { type Account, type Ledger, openOf, sumOf } from "./ledger.ts";

/** The three books, over the whole log. */
export interface Books {
  readonly clientOrders: Account;
  readonly exchangeOrders: Account;
  readonly exchange: Account;
}

export function booksOf(ledger: Ledger, exchange: VenueTotals): Books {
  return {
    clientOrders: sumOf(ledger.clientOrders.values()),
    exchangeOrders: sumOf(ledger.exchangeOrders.values()),
    exchange: {
      ordered: exchange.ordered,
      executed: exchange.filled,
      rejected: exchange.rejected,
      cancelled: exchange.cancelled,
    },
  };
}

/** Finds all violations of conservation, and all open quantities; empty when all is well. */
export function findBreaches(ledger: Ledger, { clientOrders, exchangeOrders, exchange }: Books): readonly string[] {
  const breaches = [...ledger.contradictions];
  for (const [name, accounts] of [
    ["client order", ledger.clientOrders],
    ["exchange order", ledger.exchangeOrders],
  ] as const) {
    let openOrders = 0;
    let openQuantity = 0;
    for (const [id, account] of accounts) {
      const open = openOf(account);
      if (open < 0)
        breaches.push(
          `${name} ${id}: ${-open} more executed, rejected or cancelled than the ${account.ordered} ordered`,
        );
      if (open <= 0) continue;
      openOrders++;
      openQuantity += open;
    }
    if (openOrders > 0)
      breaches.push(
        `${openOrders} ${name}${openOrders === 1 ? " stays" : "s stay"} open, with a quantity of ${openQuantity}`,
      );
  }
  for (const what of ["ordered", "executed", "rejected", "cancelled"] as const) {
    const [ofClients, sent, taken] = [clientOrders[what], exchangeOrders[what], exchange[what]];
    if (ofClients !== sent) breaches.push(`${what}: client orders say ${ofClients}, exchange orders ${sent}`);
    if (sent !== taken) breaches.push(`${what}: exchange orders say ${sent}, the venue itself ${taken}`);
  }
  return breaches;
}

/** The rules of the venue's book in the plainest form, to be compared with: every order in one list, looked through from the start each time. */

import { Big } from "big.js";
import type { NewOrder, VenueReport } from "../../../trading/domain/venue.ts";
import type { Command } from "../../../trading/venue/commands.ts";

interface Held {
  readonly terms: NewOrder;
  open: number;
  rests: boolean;
}

/** The reports of all commands, without their ids. */
export function plainReports(commands: readonly Command[]): readonly Omit<VenueReport, "id">[] {
  const orders: Held[] = [];
  const reports: Omit<VenueReport, "id">[] = [];
  const say = (held: Held, at: number, rest: object): void =>
    void reports.push({ ...rest, orderId: held.terms.orderId, open: held.open, at } as VenueReport);
  const best = (symbol: string, side: "buy" | "sell", limit?: string): Held | undefined => {
    let found: Held | undefined;
    for (const held of orders) {
      const { terms } = held;
      if (!held.rests || held.open === 0 || terms.symbol !== symbol || terms.side !== side) continue;
      const isWithin = limit === undefined || !isBetter(limit, terms.price, side);
      if (isWithin && (found === undefined || isBetter(terms.price, found.terms.price, side))) found = held;
    }
    return found;
  };
  const fill = (held: Held, at: number, quantity: number, price: string): void => {
    held.open -= quantity;
    say(held, at, { kind: "filled", quantity, price });
  };
  const end = (held: Held, at: number, kind: string, reason: string): void => {
    const quantity = held.open;
    held.open = 0;
    say(held, at, { kind, quantity, reason });
  };
  for (const command of commands) {
    if (command.do === "order") {
      const { order: terms, at } = command;
      const held: Held = { terms, open: terms.quantity, rests: false };
      orders.push(held);
      if (command.reject !== undefined) {
        end(held, at, "rejected", command.reject);
        continue;
      }
      say(held, at, { kind: "accepted", quantity: terms.quantity });
      const other = terms.side === "buy" ? "sell" : "buy";
      for (let met = best(terms.symbol, other, terms.price); met && held.open > 0; ) {
        const quantity = Math.min(met.open, held.open);
        fill(met, at, quantity, met.terms.price);
        fill(held, at, quantity, met.terms.price);
        met = best(terms.symbol, other, terms.price);
      }
      if (terms.orderType === "limit") held.rests = held.open > 0;
      else {
        const passing = Math.min(held.open, command.taken ?? 0);
        if (passing > 0) fill(held, at, passing, terms.price);
        if (held.open > 0) end(held, at, "cancelled", "no more at this price or better: a market order does not rest");
      }
    } else if (command.do === "visit") {
      let left = command.quantity;
      for (let met = best(command.symbol, command.side); met && left > 0; met = best(command.symbol, command.side)) {
        const quantity = Math.min(met.open, left);
        left -= quantity;
        fill(met, command.at, quantity, met.terms.price);
      }
    } else if (command.do === "cancel") {
      const { cancelId, orderId, quantity } = command.cancel;
      const held = orders.find(({ terms }) => terms.orderId === orderId);
      if (held === undefined || held.open === 0) {
        const reason = held === undefined ? "the venue has no such order" : "nothing of the order is open any more";
        reports.push({ kind: "cancelRejected", orderId, open: 0, at: command.at, cancelId, reason } as VenueReport);
        continue;
      }
      const part = Math.min(held.open, quantity ?? held.open);
      held.open -= part;
      say(held, command.at, { kind: "cancelled", quantity: part, reason: "as asked", cancelId });
    } else if (command.do === "end") {
      const held = orders.find(({ terms }) => terms.orderId === command.orderId);
      if (held !== undefined && held.open > 0) end(held, command.at, command.how, command.reason);
    }
  }
  return reports;
}

function isBetter(price: string, than: string, side: "buy" | "sell"): boolean {
  return side === "buy" ? new Big(price).gt(than) : new Big(price).lt(than);
}

/** The check of conservation finds every way in which three books can disagree. */

import * as assert from "uvu/assert";
import { booksOf, findBreaches } from "../../../trading/pipeline/conservation.ts";
import type { Account, Ledger } from "../../../trading/pipeline/ledger.ts";
import { test } from "../../support/test.ts";

function breaches(
  clientOrders: Readonly<Record<string, Account>>,
  exchangeOrders: Readonly<Record<string, Account>>,
  exchange: Account,
  contradictions: readonly string[] = [],
): readonly string[] {
  const count = { total: 0, fresh: 0, unreadable: 0 };
  const ledger: Ledger = {
    counts: {
      ...{ "client-orders": count, "exchange-orders": count, "venue-orders": count },
      ...{ reports: count, fills: count, executions: count },
    },
    cancels: 0,
    clientOrders: new Map(
      Object.entries(clientOrders).map(([key, account]) => [key, { ...account, executions: 1, entryId: "1-0" }]),
    ),
    exchangeOrders: new Map(Object.entries(exchangeOrders)),
    contradictions,
    latenciesMs: [],
    freshMs: 0,
  };
  const { ordered, executed: filled, rejected, cancelled } = exchange;
  return findBreaches(ledger, booksOf(ledger, { orders: 0, fills: 0, open: 0, ordered, filled, rejected, cancelled }));
}

const account = (ordered: number, executed: number, rejected: number, cancelled = 0): Account => ({
  ...{ ordered, executed, rejected, cancelled },
});

test("finds nothing when the books agree and nothing is open", () => {
  assert.equal(
    breaches({ a: account(10, 7, 3), b: account(5, 5, 0) }, { x: account(15, 12, 3) }, account(15, 12, 3)),
    [],
  );
});

test("finds a lost execution as an open client order, and as a difference to the exchange", () => {
  assert.equal(breaches({ a: account(10, 4, 0) }, { x: account(10, 10, 0) }, account(10, 10, 0)), [
    "1 client order stays open, with a quantity of 6",
    "executed: client orders say 4, exchange orders 10",
  ]);
});

test("finds an execution that was counted twice, also where another one's loss hides it in the sum", () => {
  assert.equal(
    breaches({ a: account(10, 20, 0), b: account(10, 0, 0) }, { x: account(20, 20, 0) }, account(20, 20, 0)),
    [
      "client order a: 10 more executed, rejected or cancelled than the 10 ordered",
      "1 client order stays open, with a quantity of 10",
    ],
  );
});

test("finds exchange orders that were never sent", () => {
  assert.equal(breaches({ a: account(10, 0, 0) }, {}, account(0, 0, 0)), [
    "1 client order stays open, with a quantity of 10",
    "ordered: client orders say 10, exchange orders 0",
  ]);
});

test("finds a fill that the exchange knows nothing of, and a reject taken for a fill", () => {
  assert.equal(breaches({ a: account(10, 10, 0) }, { x: account(10, 10, 0) }, account(10, 8, 2)), [
    "executed: exchange orders say 10, the venue itself 8",
    "rejected: exchange orders say 0, the venue itself 2",
  ]);
});

test("reports contradictions in the log", () => {
  assert.equal(breaches({}, {}, account(0, 0, 0), ["report r stands in the log twice"]), [
    "report r stands in the log twice",
  ]);
});

test("finds a cancel that the venue never made", () => {
  assert.equal(breaches({ a: account(10, 6, 0, 4) }, { x: account(10, 6, 0, 4) }, account(10, 10, 0)), [
    "executed: exchange orders say 6, the venue itself 10",
    "cancelled: exchange orders say 4, the venue itself 0",
  ]);
});

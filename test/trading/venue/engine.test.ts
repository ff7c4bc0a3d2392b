/** The venue's books serve the best price first and the oldest at one price, and account for every share. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import type { NewOrder, VenueReport } from "../../../trading/domain/venue.ts";
import type { Command } from "../../../trading/venue/commands.ts";
import { Engine } from "../../../trading/venue/engine.ts";
import { planFor, resolveMarket } from "../../../trading/venue/market.ts";
import { ticksOf } from "../../../trading/venue/order-book.ts";
import { test } from "../../support/test.ts";
import { sum } from "../orders-of.ts";
import { commands } from "./commands-of.ts";
import { plainReports } from "./oracle.ts";

function run(all: readonly Command[]): Engine {
  const engine = new Engine("j");
  for (const command of all) engine.apply(command);
  return engine;
}

const reportsOf = (engine: Engine): readonly VenueReport[] => engine.session("desk", 0).reports;

test("reports what the plainest book would report, for random orders, cancels, visits and ends", () => {
  fc.assert(
    fc.property(commands, (all) => {
      const reports = reportsOf(run(all));
      assert.equal(
        reports.map(({ id: _id, ...report }) => report),
        plainReports(all),
      );
    }),
    { numRuns: 400 },
  );
});

test("ordered is filled, rejected, cancelled or open, by its totals and by its reports, and no report id is there twice", () => {
  fc.assert(
    fc.property(commands, (all) => {
      const engine = run(all);
      const { ordered, filled, rejected, cancelled, open, fills, orders } = engine.totals();
      assert.is(filled + rejected + cancelled + open, ordered);
      const reports = reportsOf(engine);
      const done = (kind: string): number =>
        sum(reports.map((report) => (report.kind === kind && "quantity" in report ? report.quantity : 0)));
      assert.equal([done("filled"), done("rejected"), done("cancelled")], [filled, rejected, cancelled]);
      assert.is(reports.filter(({ kind }) => kind === "filled").length, fills);
      assert.is(orders, all.filter((command) => command.do === "order").length);
      assert.is(new Set(reports.map(({ id }) => id)).size, reports.length);
      assert.is(sum([...engine.resting()].map((order) => order.open)), open);
      assert.equal(engine.totals("desk"), engine.totals());
      assert.is(engine.totals("another").orders, 0);
    }),
  );
});

const limit = (orderId: string, quantity: number, price = "10"): NewOrder => ({
  ...{ kind: "order", orderId, symbol: "AAPL", side: "buy", orderType: "limit", price, quantity },
});

test("a plan's visits take exactly what an order has, whatever is drawn, and the same order gets the same plan", () => {
  const drawn = fc.record({
    quantity: fc.integer({ min: 1, max: 10_000 }),
    maxFills: fc.integer({ min: 1, max: 20 }),
    rejectRate: fc.constantFrom(0, 0.5, 1),
    orderType: fc.constantFrom("limit" as const, "market" as const),
    id: fc.string(),
  });
  fc.assert(
    fc.property(drawn, ({ quantity, maxFills, rejectRate, orderType, id }) => {
      const market = resolveMarket({ maxFills, rejectRate, latencyMs: 20 });
      const order = { ...limit(id, quantity), orderType };
      const plan = planFor(order, market);
      assert.equal(planFor(order, market), plan);
      const isLimit = orderType === "limit" && plan.reject === undefined;
      assert.is(sum(plan.visits.map((visit) => visit.quantity)), isLimit ? quantity : 0);
      assert.ok(
        plan.visits.length <= maxFills && plan.visits.every((visit) => visit.quantity > 0 && visit.afterMs >= 20),
      );
      assert.ok((plan.taken ?? 0) <= quantity);
      if (rejectRate === 0) assert.equal([plan.reject, plan.rejectAfterMs], [undefined, undefined]);
    }),
  );
});

test("rejects about as many orders as asked for, some at once and some when they rest", () => {
  const market = resolveMarket({ rejectRate: 0.2 });
  const plans = Array.from({ length: 1_000 }, (_, n) => planFor(limit(`o-${n}`, 1_000), market));
  const atOnce = plans.filter(({ reject }) => reject !== undefined).length;
  const later = plans.filter(({ rejectAfterMs }) => rejectAfterMs !== undefined).length;
  assert.ok(atOnce + later > 150 && atOnce + later < 250, `${atOnce} and ${later}`);
  assert.ok(atOnce > 30 && later > 60, `${atOnce} and ${later}`);
});

test("compares prices as decimals", () => {
  assert.is(ticksOf("577.50"), ticksOf("577.5"));
  assert.ok(ticksOf("9.99999999") < ticksOf("10"));
  assert.is(ticksOf("9999999999.99999999"), 999_999_999_999_999_999n);
});

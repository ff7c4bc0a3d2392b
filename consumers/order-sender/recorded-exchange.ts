/**
 * An exchange that repeats its recorded reports, for replays of the Order Sender, which must reach no real exchange.
 */

import { deriveEventId, PermanentError } from "throughline";
import type { ReplaySource } from "throughline/replay";
import type { Exchange, VenueReport } from "../../trading/domain/exchange.ts";
import { type ExchangeOrder, type ExchangeReport, exchangeOrders, fills } from "../../trading/domain/index.ts";
import { orderSender } from "./order-sender.ts";

/** Reads the source once, and keeps the exchange's reports by the id under which each order was sent. */
export async function openRecordedExchange(source: ReplaySource, name = "simulated"): Promise<Exchange> {
  const reports = new Map<string, VenueReport[]>();
  /** Effect ids by exchange order id. */
  const effectIds = new Map<string, string>();
  for await (const line of source.lines()) {
    if (line.kind !== "entry" || line.entry.envelope === undefined) continue;
    const { channel, id, payload } = line.entry.envelope;
    if (channel === exchangeOrders.name) {
      const effectId = deriveEventId(id, orderSender, "effect");
      effectIds.set((JSON.parse(payload) as ExchangeOrder).id, effectId);
      reports.set(effectId, []);
    } else if (channel === fills.name) {
      const report = JSON.parse(payload) as ExchangeReport;
      reports.get(effectIds.get(report.exchangeOrderId) ?? "")?.push(toVenueReport(report));
    }
  }
  return {
    name,
    submit: async ({ clientOrderId }) => {
      const known = reports.get(clientOrderId);
      if (known !== undefined) return known;
      throw new PermanentError(
        `the recorded exchange never had an order ${clientOrderId}: it cannot say what becomes of it`,
      );
    },
  };
}

function toVenueReport(report: ExchangeReport): VenueReport {
  const { id, timestamp: at } = report;
  return report.kind === "filled"
    ? { kind: "filled", id, quantity: report.filledQuantity, price: report.filledPrice, at }
    : { kind: "rejected", id, quantity: report.rejectedQuantity, reason: report.reason, at };
}

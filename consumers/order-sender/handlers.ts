/** The Order Sender's handler: sends an exchange order and publishes the exchange's reports. */

import { type Handler, PermanentError } from "throughline";
import type { Exchange, VenueReport } from "../../trading/domain/exchange.ts";
import { type ExchangeOrder, type ExchangeReport, fills } from "../../trading/domain/index.ts";

/**
 * Makes the handler. It sends under the delivery's effect id: a second attempt after a crash is the same order to the
 * exchange, and gets the same reports.
 */
export function sendOrder(exchange: Exchange): Handler<ExchangeOrder> {
  return async ({ payload: order }, { effectId, publish }) => {
    if (order.exchange !== exchange.name) {
      throw new PermanentError(
        `order ${order.id} is for exchange "${order.exchange}"; this sender serves "${exchange.name}"`,
      );
    }
    const { symbol, side, price, quantity } = order;
    const reports = await exchange.submit({ clientOrderId: effectId, symbol, side, price, quantity });
    for (const report of reports) await publish(fills, toReport(report, order.id), { time: report.at });
  };
}

function toReport(report: VenueReport, exchangeOrderId: string): ExchangeReport {
  const { id, quantity, at: timestamp } = report;
  return report.kind === "filled"
    ? { kind: "filled", id, exchangeOrderId, filledQuantity: quantity, filledPrice: report.price, timestamp }
    : { kind: "rejected", id, exchangeOrderId, rejectedQuantity: quantity, reason: report.reason, timestamp };
}

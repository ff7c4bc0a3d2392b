/** The Order Sender's handlers: write down what is sent, send it, and make fills of what the venue reports. */

import { type Handler, PermanentError, refOf, withBaggage } from "throughline";
import {
  type ExchangeReport,
  type ExchangeRequest,
  exchangeKey,
  fills,
  isCancel,
  type VenueNotice,
  type VenueOrder,
  type VenueReport,
  venueOrders,
} from "../../trading/domain/index.ts";
import { applied, type SentOrder, sentOrders } from "./sent-orders.ts";
import type { VenueRequests } from "./venues.ts";

/**
 * Writes down the order that reports will be about, in the settlement before it is sent: however soon a venue answers, and whoever has the partition then, it
 * is known.
 */
export function prepare(venues: Pick<VenueRequests, "knows">): Handler<ExchangeRequest> {
  return async (event, { publish, state, baggage }) => {
    const { payload } = event;
    const { exchange: venue, quantity } = payload;
    if (!venues.knows(venue)) {
      throw new PermanentError(
        `${isCancel(payload) ? "cancel" : "order"} ${payload.id} is for venue "${venue}", which is not configured`,
      );
    }
    const sent = state<SentOrder>(sentOrders);
    const key = exchangeKey(payload);
    if (!isCancel(payload)) {
      const { id: orderId, symbol, side, price, orderType = "limit" } = payload;
      sent.set(orderId, { venue, order: refOf(event), baggage, open: quantity, reports: [], cancels: {} });
      const request = { kind: "order", orderId, symbol, side, orderType, price, quantity } as const;
      await publish(venueOrders, { venue, key, request });
      return;
    }
    const { id: cancelId, exchangeOrderId: orderId } = payload;
    const order = await sent.get(orderId);
    if (order === undefined || order.open === 0) {
      const reason = "nothing of the order is open any more";
      const common = { id: `done-${cancelId}`, exchangeOrderId: orderId, timestamp: event.time };
      await publish(fills, { kind: "cancelRejected", ...common, cancelId, reason });
      return;
    }
    sent.set(orderId, { ...order, cancels: { ...order.cancels, [cancelId]: refOf(event) } });
    await publish(venueOrders, { venue, key, request: { kind: "cancel", cancelId, orderId, quantity } });
  };
}

/** Sends a request, and is done when it is on the venue's disk: what becomes of it is reported when the venue pleases. */
export function send(venues: VenueRequests): Handler<VenueOrder> {
  return ({ payload: { venue, request } }, { partition, fence, signal }) => {
    if (!venues.knows(venue)) throw new PermanentError(`venue "${venue}" is not configured any more`);
    return venues.send(venue, partition, request, fence, signal);
  };
}

/** Finds the order that a report is about, and publishes what it says with that order as its cause: from here on the trace goes on. */
export const answer: Handler<VenueNotice> = async ({ payload }, { publish, state }) => {
  const { venue, number } = payload;
  if (payload.kind === "unreadable") {
    throw new PermanentError(
      `report ${number} of venue "${venue}" is none: ${payload.problem}; it begins ${payload.text.slice(0, 200)}`,
    );
  }
  const { report } = payload;
  const sent = state<SentOrder>(sentOrders);
  const before = await sent.get(report.orderId);
  const after = applied(before, venue, report);
  if (after === undefined) sent.delete(report.orderId);
  else if (after !== before) sent.set(report.orderId, after);
  const told = toReport(report);
  if (told === undefined || before === undefined) return;
  const cancel = "cancelId" in report && report.cancelId !== undefined ? before.cancels[report.cancelId] : undefined;
  const causedBy = cancel === undefined ? [before.order] : [before.order, cancel];
  await withBaggage(before.baggage, () => publish(fills, told, { causedBy, time: report.at }));
};

/** A report in the pipeline's words; undefined for one that changes no quantity and answers nobody. */
function toReport(report: VenueReport): ExchangeReport | undefined {
  const { id, orderId: exchangeOrderId, at: timestamp } = report;
  const common = { id, exchangeOrderId, timestamp };
  switch (report.kind) {
    case "accepted":
      return undefined;
    case "filled":
      return { kind: "filled", ...common, filledQuantity: report.quantity, filledPrice: report.price };
    case "rejected":
      return { kind: "rejected", ...common, rejectedQuantity: report.quantity, reason: report.reason };
    case "cancelled": {
      const { quantity: cancelledQuantity, reason, cancelId } = report;
      return { kind: "cancelled", ...common, cancelledQuantity, reason, ...(cancelId !== undefined && { cancelId }) };
    }
    case "cancelRejected":
      return { kind: "cancelRejected", ...common, cancelId: report.cancelId, reason: report.reason };
  }
}

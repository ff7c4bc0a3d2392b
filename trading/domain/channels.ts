/**
 * The channels of the trading pipeline, with the keys of their order and the attributes of their spans. All that comes of a client order
 * lies in the partition of its symbol, whatever its own key: there its components keep what they know of it.
 */

import { type Channel, defineChannel } from "throughline";
import {
  type ClientCancel,
  type ClientOrder,
  ClientRequest,
  ExchangeReport,
  ExchangeRequest,
  Execution,
  isCancel,
  VenueNotice,
  VenueOrder,
} from "./payloads.ts";

/**
 * The time for which a repeated client order id stands for the same order, ms; after it a client may use the id for a
 * new one.
 */
export const clientOrderIdWindowMs: number = 24 * 60 * 60 * 1_000;

/** The partition count that trading's processes make the namespace with: members of a component share that many slices of the symbols. */
export const tradingPartitions: number = 4;

/** Orders and their cancels on one channel, so that none overtakes the other. */
export const clientOrders: Channel<ClientRequest> = defineChannel({
  name: "client-orders",
  schema: ClientRequest,
  key: (request) => request.symbol,
  correlation: (request) =>
    isCancel(request)
      ? { "event.type": "client-cancel", "user.id": request.userId, "client.order_id": request.orderId }
      : { "event.type": "client-order", "user.id": request.userId, "client.order_id": request.id },
  dedupe: { windowMs: clientOrderIdWindowMs },
});

export const exchangeOrders: Channel<ExchangeRequest> = defineChannel({
  name: "exchange-orders",
  schema: ExchangeRequest,
  placement: "source",
  key: exchangeKey,
  correlation: (request) =>
    isCancel(request)
      ? {
          "event.type": "exchange-cancel",
          "order.id": request.exchangeOrderId,
          "user.id": request.userId,
          "client.order_id": request.clientOrderId,
        }
      : {
          "event.type": "exchange-order",
          "order.id": request.id,
          "user.id": oneOrMany(request.userIds),
          "client.order_id": oneOrMany(request.parentClientOrderIds),
        },
});

/** What the Order Sender sends, once it has written down whose order it is: by then any report finds it. */
export const venueOrders: Channel<VenueOrder> = defineChannel({
  name: "venue-orders",
  schema: VenueOrder,
  placement: "source",
  key: ({ key }) => key,
  // The venue's words: user.id and client.order_id travel as baggage.
  correlation: ({ request }) => ({
    "event.type": request.kind === "cancel" ? "venue-cancel" : "venue-order",
    "order.id": request.orderId,
  }),
});

/** What venues report, as it comes in: without a trace, and without a user. */
export const reports: Channel<VenueNotice> = defineChannel({
  name: "reports",
  schema: VenueNotice,
  placement: "source",
  key: (notice) => (notice.kind === "report" ? notice.report.orderId : ""),
  correlation: (notice) =>
    notice.kind === "report"
      ? { "event.type": "report", "order.id": notice.report.orderId }
      : { "event.type": "unreadable-report" },
});

export const fills: Channel<ExchangeReport> = defineChannel({
  name: "fills",
  schema: ExchangeReport,
  placement: "source",
  // What is filled of the slices of one net order counts down the same client orders: one after the other.
  key: (report) => netOrderOf(report.exchangeOrderId),
  correlation: (report) => ({
    "event.type": reportTypes[report.kind],
    "order.id": report.exchangeOrderId,
    // The exchange does not know whose order it is: theirs are restored as baggage from what was sent.
    "user.id": undefined,
    "client.order_id": undefined,
  }),
});

export const executions: Channel<Execution> = defineChannel({
  name: "executions",
  schema: Execution,
  placement: "source",
  key: (execution) => orderKey(execution.userId, execution.clientOrderId),
  correlation: (execution) => ({
    "event.type": "execution",
    "user.id": execution.userId,
    "client.order_id": execution.clientOrderId,
    ...(execution.kind !== "cancelRejected" && { "order.id": execution.exchangeOrderId }),
  }),
});

/** The key of a client order among those of all users. */
export function orderKey(userId: string, clientOrderId: string): string {
  return `${userId}:${clientOrderId}`;
}

/** The event id of a client order: the same order sent again is the same event. */
export function clientOrderEventId(order: Pick<ClientOrder, "userId" | "id">): string {
  return `client-order:${orderKey(order.userId, order.id)}`;
}

/** The event id of a client's cancel, likewise. */
export function clientCancelEventId(cancel: Pick<ClientCancel, "userId" | "id">): string {
  return `client-cancel:${orderKey(cancel.userId, cancel.id)}`;
}

/** The id of a slice of a net order, numbered from 0. */
export function sliceId(netOrderId: string, number: number): string {
  return `${netOrderId}-${number}`;
}

/** The id of the net order that an exchange order is a slice of. */
export function netOrderOf(exchangeOrderId: string): string {
  const end = exchangeOrderId.lastIndexOf("-");
  return end === -1 ? exchangeOrderId : exchangeOrderId.slice(0, end);
}

/** Orders compete on time only with orders at their own price, so that no others have to wait for them; a cancel comes behind its order. */
export function exchangeKey({ symbol, side, price }: { symbol: string; side: string; price: string }): string {
  return `${symbol} ${side} ${price}`;
}

const reportTypes: Readonly<Record<ExchangeReport["kind"], string>> = {
  filled: "fill",
  rejected: "reject",
  cancelled: "cancel",
  cancelRejected: "cancel-reject",
};

function oneOrMany(values: readonly string[]): string | readonly string[] {
  const distinct = [...new Set(values)];
  return distinct.length === 1 ? (distinct[0] as string) : distinct;
}

/**
 * The four channels of the trading pipeline, with the keys of their order and the attributes of their spans. All that comes of a client order
 * lies in the partition of its symbol, whatever its own key: there its components keep what they know of it.
 */

import { type Channel, defineChannel } from "throughline";
import { ClientOrder, ExchangeOrder, ExchangeReport, Execution } from "./payloads.ts";

/**
 * The time for which a repeated client order id stands for the same order, ms; after it a client may use the id for a
 * new one.
 */
export const clientOrderIdWindowMs: number = 24 * 60 * 60 * 1_000;

/** The partition count that trading's processes make the namespace with: members of a component share that many slices of the symbols. */
export const tradingPartitions: number = 4;

export const clientOrders: Channel<ClientOrder> = defineChannel({
  name: "client-orders",
  schema: ClientOrder,
  key: (order) => order.symbol,
  correlation: (order) => ({ "event.type": "client-order", "user.id": order.userId, "client.order_id": order.id }),
  dedupe: { windowMs: clientOrderIdWindowMs },
});

export const exchangeOrders: Channel<ExchangeOrder> = defineChannel({
  name: "exchange-orders",
  schema: ExchangeOrder,
  placement: "source",
  // Orders compete on time only with orders at their own price, so that no others have to wait for them.
  key: (order) => `${order.symbol} ${order.side} ${order.price}`,
  correlation: (order) => ({
    "event.type": "exchange-order",
    "order.id": order.id,
    "user.id": oneOrMany(order.userIds),
    "client.order_id": oneOrMany(order.parentClientOrderIds),
  }),
});

export const fills: Channel<ExchangeReport> = defineChannel({
  name: "fills",
  schema: ExchangeReport,
  placement: "source",
  key: (report) => report.exchangeOrderId,
  // The exchange does not know whose order it is: user.id and client.order_id travel as baggage.
  correlation: (report) => ({
    "event.type": report.kind === "filled" ? "fill" : "reject",
    "order.id": report.exchangeOrderId,
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
    "order.id": execution.exchangeOrderId,
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

function oneOrMany(values: readonly string[]): string | readonly string[] {
  const distinct = [...new Set(values)];
  return distinct.length === 1 ? (distinct[0] as string) : distinct;
}

import { applyReport } from "../../../consumers/algorithm/handlers.ts";
import { netAndSlice } from "../../../consumers/algorithm/netting.ts";
import type { Event } from "../../../src/index.ts";
import {
  type ClientCancel,
  type ClientOrder,
  clientOrders,
  type ExchangeOrder,
  type ExchangeReport,
  fills,
} from "../../../trading/domain/index.ts";
import { eventOf, type FakeBackbone } from "../../trading/fake-tools.ts";

export const algorithm: ReturnType<typeof netAndSlice> = netAndSlice("simulated", {
  maxQuantity: 1_000,
  maxSlices: 100,
});

export function fill(order: ExchangeOrder, id: string, filledQuantity: number): ExchangeReport {
  return { kind: "filled", id, exchangeOrderId: order.id, filledQuantity, filledPrice: order.price, timestamp: 2 };
}

export async function report(backbone: FakeBackbone, payload: ExchangeReport): Promise<void> {
  await backbone.deliver((tools) => applyReport(eventOf(fills, payload, `event-${payload.id}`), tools));
}

export function openOrders(backbone: FakeBackbone): number {
  return backbone.stores.get("open-orders")?.size ?? 0;
}

export function cancelEvent(order: ClientOrder, id: string): Event<ClientCancel> {
  const { userId, symbol, id: orderId } = order;
  return eventOf(clientOrders, { kind: "cancel", id, userId, symbol, orderId }, `cancel-${id}`) as Event<ClientCancel>;
}

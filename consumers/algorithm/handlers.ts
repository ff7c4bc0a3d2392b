/** The Algorithm's handlers of client orders and of the exchange's reports. */

import { createHash } from "node:crypto";
import { type BatchHandler, type Event, type EventRef, type Handler, PermanentError, refOf } from "throughline";
import {
  type ClientOrder,
  type ExchangeOrder,
  type ExchangeReport,
  type Execution,
  exchangeOrders,
  executions,
} from "../../trading/domain/index.ts";
import { allocate } from "./allocate.ts";
import { net } from "./net.ts";
import { type SliceOptions, slice } from "./slice.ts";

/** The state of an exchange order, from its publication until its quantity is accounted for; then it is deleted. */
export interface OpenOrder {
  readonly shares: readonly Share[];
  /** Ids of the reports that were applied: an exchange may repeat a report. */
  readonly reports: readonly string[];
}

/** The part of an exchange order that belongs to one client order. */
interface Share {
  readonly order: EventRef;
  readonly clientOrderId: string;
  readonly userId: string;
  /** The quantity that is neither filled nor rejected. */
  readonly open: number;
}

const openOrders = "open-orders";

export function netAndSlice(exchange: string, slicing: SliceOptions): BatchHandler<ClientOrder> {
  return async (orders, { publish, state }) => {
    const open = state<OpenOrder>(openOrders);
    for (const { symbol, side, price, orders: netted } of net(orders)) {
      const slices = slice(
        netted.map((order) => order.payload.quantity),
        slicing,
      );
      for (const [number, parts] of slices.entries()) {
        const shares = parts.map(({ index, quantity }) => shareOf(netted[index] as Event<ClientOrder>, quantity));
        const order: ExchangeOrder = {
          id: exchangeOrderId(netted, number),
          parentClientOrderIds: shares.map((share) => share.clientOrderId),
          userIds: shares.map((share) => share.userId),
          symbol,
          side,
          price,
          quantity: shares.reduce((sum, share) => sum + share.open, 0),
          exchange,
        };
        open.set(order.id, { shares, reports: [] });
        await publish(exchangeOrders, order, { causedBy: shares.map((share) => share.order) });
      }
    }
  };
}

export const applyReport: Handler<ExchangeReport> = async ({ payload: report }, { publish, state }) => {
  const open = state<OpenOrder>(openOrders);
  const order = await open.get(report.exchangeOrderId);
  if (order === undefined) {
    throw new PermanentError(
      `report ${report.id} is for exchange order ${report.exchangeOrderId}, which is not open: it was never sent, or its ` +
        "whole quantity is accounted for already",
    );
  }
  if (order.reports.includes(report.id)) return;

  const quantity = report.kind === "filled" ? report.filledQuantity : report.rejectedQuantity;
  const openQuantities = order.shares.map((share) => share.open);
  const parts = allocate(openQuantities, quantity);
  if (parts === undefined) {
    const left = openQuantities.reduce((sum, share) => sum + share, 0);
    throw new PermanentError(
      `report ${report.id} is for ${quantity}, but only ${left} of ${report.exchangeOrderId} is open`,
    );
  }
  const shares = order.shares.map((share, index) => ({ ...share, open: share.open - (parts[index] as number) }));
  if (shares.some((share) => share.open > 0)) {
    open.set(report.exchangeOrderId, { shares, reports: [...order.reports, report.id] });
  } else open.delete(report.exchangeOrderId);

  for (const [index, part] of parts.entries()) {
    if (part === 0) continue;
    const share = order.shares[index] as Share;
    await publish(executions, executionOf(report, share, index, part), { causedBy: [share.order] });
  }
};

function shareOf(order: Event<ClientOrder>, open: number): Share {
  return { order: refOf(order), clientOrderId: order.payload.id, userId: order.payload.userId, open };
}

/**
 * The id of an exchange order: the same for the same client orders, however often their batch is handled, and different
 * for any others, as an event is settled in one batch only. The time tells orders apart whose client has used an id
 * again after the dedupe window.
 */
function exchangeOrderId(netted: readonly Event<ClientOrder>[], slice: number): string {
  const hash = createHash("sha256");
  for (const order of netted) hash.update(`${order.id} ${order.time}\n`);
  return `xo-${hash.digest("hex").slice(0, 24)}-${slice}`;
}

function executionOf(report: ExchangeReport, share: Share, index: number, quantity: number): Execution {
  const common = {
    id: `${report.id}/${index}`,
    clientOrderId: share.clientOrderId,
    userId: share.userId,
    exchangeOrderId: report.exchangeOrderId,
    fillId: report.id,
    quantity,
    timestamp: report.timestamp,
  };
  return report.kind === "filled"
    ? { kind: "filled", ...common, price: report.filledPrice }
    : { kind: "rejected", ...common, reason: report.reason };
}

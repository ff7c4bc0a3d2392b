/**
 * The pipeline's business rules without the library: the product's own netting, slicing, sharing and records, on state that whoever calls has loaded.
 * Cancels are left out: the benchmark's clients ask for none.
 */

import { allocate } from "../../../consumers/algorithm/allocate.ts";
import { net } from "../../../consumers/algorithm/net.ts";
import { slice } from "../../../consumers/algorithm/slice.ts";
import { noteExecution, noteOrder, type OrderRecord } from "../../../producers/order-manager/order-record.ts";
import {
  type ClientOrder,
  type ExchangeOrder,
  type Execution,
  exchangeKey,
  type Fill,
  orderKey,
  sliceId,
  type VenueOrder,
  type VenueReport,
} from "../../../trading/domain/index.ts";
import type { HandState } from "./hand-state.ts";

/** As `npm start` has them: most orders of a batch of each of four partitions, and its window. */
export const batch = { maxSize: 200, maxWaitMs: 20 } as const;
const slicing = { maxQuantity: 1_000, maxSlices: 100 } as const;

/** A client order with the time at which it was placed. */
export interface Placed {
  readonly order: ClientOrder;
  readonly time: number;
}

interface OpenShare {
  readonly clientOrderId: string;
  readonly userId: string;
  readonly open: number;
}

export type OpenOrder = readonly OpenShare[];

/** What is open of an order that was sent. */
export interface Sent {
  readonly open: number;
}

/** Nets and slices a batch. */
export function exchangeOrdersOf(placed: readonly Placed[], open: HandState<OpenOrder>): readonly ExchangeOrder[] {
  const events = placed.map(({ order, time }) => ({
    ...{ id: orderKey(order.userId, order.id), channel: "", entryId: "", traceparent: "" },
    ...{ payload: order, key: order.symbol, time, causes: [] },
  }));
  const sent: ExchangeOrder[] = [];
  for (const { symbol, side, price, orders } of net(events)) {
    const slices = slice(
      orders.map(({ payload }) => payload.quantity),
      slicing,
    );
    for (const [number, parts] of slices.entries()) {
      const shares = parts.map(({ index, quantity }) => {
        const { id: clientOrderId, userId } = (orders[index] as (typeof orders)[number]).payload;
        return { clientOrderId, userId, open: quantity };
      });
      const order: ExchangeOrder = {
        // Of a batch, the first order names them: an order is netted once.
        id: sliceId(`xo-${orders[0]?.id}`.replaceAll(":", "-"), number),
        parentClientOrderIds: shares.map(({ clientOrderId }) => clientOrderId),
        userIds: shares.map(({ userId }) => userId),
        ...{ symbol, side, price, exchange: "simulated" },
        quantity: shares.reduce((sum, share) => sum + share.open, 0),
      };
      open.set(order.id, shares);
      sent.push(order);
    }
  }
  return sent;
}

export function venueOrderOf(order: ExchangeOrder, sent: HandState<Sent>): VenueOrder {
  const { id: orderId, symbol, side, price, quantity, exchange: venue } = order;
  sent.set(orderId, { open: quantity });
  const request = { kind: "order", orderId, symbol, side, orderType: "limit", price, quantity } as const;
  return { venue, key: exchangeKey(order), request };
}

/** Undefined for a report that changes no quantity. @throws on one that contradicts what was sent */
export function fillOf(report: VenueReport, sent: HandState<Sent>): Fill | undefined {
  const { id, orderId: exchangeOrderId, at: timestamp } = report;
  // Before anything else: where jobs have no order, it may come when all of its order is done.
  if (report.kind === "accepted") return undefined;
  const known = sent.get(exchangeOrderId);
  if (known === undefined) throw new Error(`report ${id} is about an order that was never sent, or is done`);
  if (report.kind !== "filled") throw new Error(`report ${id} is a ${report.kind}, and none was asked for`);
  // Not held against the report's own count: jobs of one order have no order.
  const open = known.open - report.quantity;
  if (open < 0) throw new Error(`report ${id} is for more than is open`);
  sent.set(exchangeOrderId, open === 0 ? undefined : { open });
  return {
    ...{ kind: "filled", id, exchangeOrderId, timestamp },
    ...{ filledQuantity: report.quantity, filledPrice: report.price },
  };
}

/** The part of a fill that belongs to each client order. @throws on a fill for more than is open */
export function executionsOf(fill: Fill, open: HandState<OpenOrder>): readonly Execution[] {
  const { id: fillId, exchangeOrderId, filledQuantity, filledPrice: price, timestamp } = fill;
  const shares = open.get(exchangeOrderId) ?? [];
  const parts = allocate(
    shares.map((share) => share.open),
    filledQuantity,
  );
  if (parts === undefined) throw new Error(`fill ${fillId} is for more than is open of ${exchangeOrderId}`);
  const left = shares.map((share, i) => ({ ...share, open: share.open - (parts[i] as number) }));
  open.set(exchangeOrderId, left.some((share) => share.open > 0) ? left : undefined);
  return shares.flatMap(({ clientOrderId, userId }, i): readonly Execution[] => {
    const quantity = parts[i] as number;
    if (quantity === 0) return [];
    const id = `${fillId}/${i}`;
    return [{ kind: "filled", id, clientOrderId, userId, exchangeOrderId, fillId, quantity, timestamp, price }];
  });
}

export function recordOrder({ order, time }: Placed, records: HandState<OrderRecord>): void {
  const key = orderKey(order.userId, order.id);
  records.set(key, noteOrder(records.get(key), order, time));
}

export function recordExecution(execution: Execution, records: HandState<OrderRecord>): void {
  const key = orderKey(execution.userId, execution.clientOrderId);
  records.set(key, noteExecution(records.get(key), execution));
}

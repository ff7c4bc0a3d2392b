/** The Algorithm's handler of client orders and cancels: they become exchange orders, and cancels of parts of them. */

import { createHash } from "node:crypto";
import { type BatchHandler, type BatchTools, type Event, refOf } from "throughline";
import {
  type ClientCancel,
  type ClientOrder,
  type ClientRequest,
  type ExchangeOrder,
  exchangeOrders,
  executions,
  isCancel,
  sliceId,
} from "../../trading/domain/index.ts";
import { net } from "./net.ts";
import { type OpenOrder, openOrders, type Share, sharesOf } from "./open-orders.ts";
import { type SliceOptions, slice } from "./slice.ts";

export function netAndSlice(exchange: string, slicing: SliceOptions): BatchHandler<ClientRequest> {
  return async (requests, tools) => {
    await sendOrders(requests.filter(isOrder), exchange, slicing, tools);
    // After the orders: a client may cancel what came in this very batch.
    for (const request of requests) if (isCancelEvent(request)) await sendCancels(request, tools);
  };
}

async function sendOrders(
  orders: readonly Event<ClientOrder>[],
  exchange: string,
  slicing: SliceOptions,
  { publish, state }: BatchTools,
): Promise<void> {
  const open = state<OpenOrder>(openOrders);
  for (const { symbol, side, price, orderType, orders: netted } of net(orders)) {
    const slices = slice(
      netted.map((order) => order.payload.quantity),
      slicing,
    );
    const id = netOrderId(netted);
    const ids = slices.map((_, number) => sliceId(id, number));
    const held = netted.map((_, index) => ids.filter((_id, n) => slices[n]?.some((part) => part.index === index)));
    for (const [number, parts] of slices.entries()) {
      const shares = parts.map(({ index, quantity }): Share => {
        const order = netted[index] as Event<ClientOrder>;
        const { id: clientOrderId, userId } = order.payload;
        return { order: refOf(order), clientOrderId, userId, open: quantity, of: held[index]?.length ?? 1 };
      });
      const order: ExchangeOrder = {
        id: ids[number] as string,
        parentClientOrderIds: shares.map((share) => share.clientOrderId),
        userIds: shares.map((share) => share.userId),
        symbol,
        side,
        price,
        quantity: shares.reduce((sum, share) => sum + share.open, 0),
        exchange,
        ...(orderType === "market" && { orderType }),
      };
      open.set(order.id, { symbol, side, price, exchange, shares, reports: [] });
      await publish(exchangeOrders, order, { causedBy: shares.map((share) => share.order) });
    }
    for (const [index, { payload }] of netted.entries()) {
      sharesOf(state).open(payload.userId, payload.id, held[index] ?? []);
    }
  }
}

/** Asks the exchange to cancel every share that the order still has, or tells the client that there is none. */
async function sendCancels(event: Event<ClientCancel>, { publish, state }: BatchTools): Promise<void> {
  const { id: clientCancelId, orderId: clientOrderId, userId } = event.payload;
  const open = state<OpenOrder>(openOrders);
  const ids = await sharesOf(state).of(userId, clientOrderId);
  const request = refOf(event);
  let asked = 0;
  for (const exchangeOrderId of ids) {
    const order = await open.get(exchangeOrderId);
    if (order === undefined) continue;
    const shares = [...order.shares];
    for (const [index, share] of order.shares.entries()) {
      const isIts = share.clientOrderId === clientOrderId && share.userId === userId;
      if (!isIts || share.open === 0 || share.cancel !== undefined) continue;
      const id = cancelIdOf(event, asked++);
      const turn = 1 + Math.max(0, ...shares.map(({ cancel }) => cancel?.turn ?? 0));
      shares[index] = { ...share, cancel: { id, request, clientCancelId, turn } };
      const { symbol, side, price, exchange } = order;
      await publish(
        exchangeOrders,
        {
          ...{ kind: "cancel", id, exchangeOrderId, clientOrderId, userId, quantity: share.open },
          ...{ symbol, side, price, exchange },
        },
        { causedBy: [request, share.order] },
      );
    }
    open.set(exchangeOrderId, { ...order, shares });
  }
  if (asked > 0) return;
  const reason =
    ids.length > 0
      ? "the order is being cancelled already"
      : "you have no order of this id that is open: it was never placed, or all of it is done";
  await publish(
    executions,
    {
      ...{ kind: "cancelRejected", id: cancelIdOf(event, 0), clientOrderId, userId, cancelId: clientCancelId },
      ...{ reason, timestamp: event.time },
    },
    { causedBy: [request] },
  );
}

function isOrder(event: Event<ClientRequest>): event is Event<ClientOrder> {
  return !isCancel(event.payload);
}

function isCancelEvent(event: Event<ClientRequest>): event is Event<ClientCancel> {
  return isCancel(event.payload);
}

/**
 * The id of a net order: the same for the same client orders, however often their batch is handled, and different
 * for any others, as an event is settled in one batch only. The time tells orders apart whose client has used an id
 * again after the dedupe window.
 */
function netOrderId(netted: readonly Event<ClientOrder>[]): string {
  return `xo-${digestOf(netted)}`;
}

function cancelIdOf(cancel: Event<ClientCancel>, number: number): string {
  return `xc-${digestOf([cancel])}-${number}`;
}

function digestOf(events: readonly Event<unknown>[]): string {
  const hash = createHash("sha256");
  for (const event of events) hash.update(`${event.id} ${event.time}\n`);
  return hash.digest("hex").slice(0, 24);
}

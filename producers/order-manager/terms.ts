/** Reads the terms that the log has under an order's id: an id that is used again must mean the same order. */

import { type Backbone, type EventRef, traceIdOf } from "throughline";
import { type ClientCancel, type ClientOrder, canonicalPrice, clientOrders } from "../../trading/domain/index.ts";

export interface FirstOrder {
  readonly order: ClientOrder;
  /** The trace id; empty where the order was not traced. */
  readonly traceId: string;
}

/** The order to which a repeated order's reference points. Undefined where retention has removed it. */
export async function firstOrder(backbone: Pick<Backbone, "read">, ref: EventRef): Promise<FirstOrder | undefined> {
  for await (const { envelope } of backbone.read(clientOrders.name, { from: ref.entryId, to: ref.entryId })) {
    if (envelope?.id !== ref.id) continue;
    return { order: JSON.parse(envelope.payload) as ClientOrder, traceId: traceIdOf(envelope) };
  }
  return undefined;
}

/** The cancel to which a repeated cancel's reference points, likewise. */
export async function firstCancel(backbone: Pick<Backbone, "read">, ref: EventRef): Promise<ClientCancel | undefined> {
  for await (const { envelope } of backbone.read(clientOrders.name, { from: ref.entryId, to: ref.entryId })) {
    if (envelope?.id === ref.id) return JSON.parse(envelope.payload) as ClientCancel;
  }
  return undefined;
}

export function sameTerms(first: ClientOrder, second: ClientOrder): boolean {
  return (
    first.symbol === second.symbol &&
    first.side === second.side &&
    first.quantity === second.quantity &&
    first.orderType === second.orderType &&
    canonicalPrice(first.price) === canonicalPrice(second.price)
  );
}

/** The terms in words, for people. */
export function describeTerms({ symbol, side, price, quantity, orderType }: ClientOrder): string {
  return `${side} ${quantity} ${symbol} at ${price}, ${orderType}`;
}

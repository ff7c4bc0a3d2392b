/** The Algorithm's state: which client order holds which share of which exchange order, until all of it is accounted for. */

import type { EventRef, StateStore } from "throughline";
import { orderKey, type Side } from "../../trading/domain/index.ts";

/** The name of the store, by which others read it. */
export const openOrders = "open-orders";
const clientOrders = "client-orders";

/** The state of an exchange order, from its publication until its quantity is accounted for; then it is deleted. */
export interface OpenOrder {
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly exchange: string;
  readonly shares: readonly Share[];
  /** Ids of the reports that were applied: an exchange may repeat a report. */
  readonly reports: readonly string[];
}

/** The part of an exchange order that belongs to one client order. */
export interface Share {
  readonly order: EventRef;
  readonly clientOrderId: string;
  readonly userId: string;
  /** The quantity that is neither filled, rejected nor cancelled. */
  readonly open: number;
  /** The number of exchange orders in which its client order has had a share. */
  readonly of: number;
  /** Set from the client's cancel until the exchange has answered it. */
  readonly cancel?: {
    /** Its id at the exchange. */
    readonly id: string;
    readonly request: EventRef;
    readonly clientCancelId: string;
    /** From 1: which cancel of this exchange order it is. */
    readonly turn: number;
  };
}

/** The exchange orders in which a client order still has an open share. */
export interface ClientShares {
  open(userId: string, clientOrderId: string, exchangeOrderIds: readonly string[]): void;
  of(userId: string, clientOrderId: string): Promise<readonly string[]>;
  /** Nothing is open of the client order's share in the exchange order any more. */
  close(share: Share, exchangeOrderId: string): Promise<void>;
}

export function sharesOf(state: <V>(store: string) => StateStore<V>): ClientShares {
  const store = state<readonly string[]>(clientOrders);
  return {
    open: (userId, clientOrderId, ids) => store.set(orderKey(userId, clientOrderId), ids),
    of: async (userId, clientOrderId) => (await store.get(orderKey(userId, clientOrderId))) ?? [],
    close: async ({ userId, clientOrderId, of }, exchangeOrderId) => {
      const key = orderKey(userId, clientOrderId);
      const left = of === 1 ? [] : ((await store.get(key)) ?? []).filter((id) => id !== exchangeOrderId);
      if (left.length === 0) store.delete(key);
      else store.set(key, left);
    },
  };
}

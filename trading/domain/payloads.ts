/** The payloads of the four trading channels. Prices are decimal strings, quantities whole shares, times epoch ms. */

import { z } from "zod";
import {
  clientId,
  fieldsOnly,
  marketId,
  must,
  price,
  quantity,
  type Side,
  side,
  symbol,
  text,
  time,
} from "./fields.ts";

/**
 * The type of an order. A `market` order's `price` is the worst that the client accepts: it is sent as a limit at that
 * price, as venues with collars do.
 */
export type OrderType = "limit" | "market";

/** A client's order. `id` is the client's own, and unique among its user's orders. */
export interface ClientOrder {
  readonly id: string;
  readonly userId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly quantity: number;
  readonly orderType: OrderType;
}

/** An order for an exchange: a slice of the sum of client orders of one symbol, side and price. */
export interface ExchangeOrder {
  readonly id: string;
  /** The client orders that hold a share of it, in their order; `userIds` are their users. */
  readonly parentClientOrderIds: readonly string[];
  readonly userIds: readonly string[];
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly quantity: number;
  readonly exchange: string;
}

/** A report that the exchange has executed an exchange order, or a part of it. */
export interface Fill {
  readonly kind: "filled";
  readonly id: string;
  readonly exchangeOrderId: string;
  readonly filledQuantity: number;
  readonly filledPrice: string;
  readonly timestamp: number;
}

/** A report that the exchange will not execute an exchange order, or a part of it. */
export interface Reject {
  readonly kind: "rejected";
  readonly id: string;
  readonly exchangeOrderId: string;
  readonly rejectedQuantity: number;
  readonly reason: string;
  readonly timestamp: number;
}

/** An exchange's report about an exchange order. An order is complete when its reports add up to its quantity. */
export type ExchangeReport = Fill | Reject;

interface ExecutionOf<Kind extends string> {
  readonly kind: Kind;
  readonly id: string;
  readonly clientOrderId: string;
  readonly userId: string;
  readonly exchangeOrderId: string;
  /** The id of the exchange's report from which the execution comes. */
  readonly fillId: string;
  readonly quantity: number;
  readonly timestamp: number;
}

/** The part of one report that belongs to one client order. */
export type Execution =
  | (ExecutionOf<"filled"> & { readonly price: string })
  | (ExecutionOf<"rejected"> & { readonly reason: string });

/** Most client orders that may hold a share of one exchange order; as many as an entry keeps causes. */
export const maxParents = 1_000;

export const ClientOrder: z.ZodType<ClientOrder> = fieldsOnly({
  id: clientId,
  userId: clientId,
  symbol,
  side,
  price,
  quantity,
  orderType: z.enum(["limit", "market"], must('"limit" or "market"')),
});

export const ExchangeOrder: z.ZodType<ExchangeOrder> = fieldsOnly({
  id: marketId,
  parentClientOrderIds: z.array(clientId).min(1).max(maxParents),
  userIds: z.array(clientId).min(1).max(maxParents),
  symbol,
  side,
  price,
  quantity,
  exchange: text(32),
});

export const ExchangeReport: z.ZodType<ExchangeReport> = z.discriminatedUnion("kind", [
  fieldsOnly({
    kind: z.literal("filled"),
    id: marketId,
    exchangeOrderId: marketId,
    filledQuantity: quantity,
    filledPrice: price,
    timestamp: time,
  }),
  fieldsOnly({
    kind: z.literal("rejected"),
    id: marketId,
    exchangeOrderId: marketId,
    rejectedQuantity: quantity,
    reason: text(200),
    timestamp: time,
  }),
]);

const executionOf = {
  id: marketId,
  clientOrderId: clientId,
  userId: clientId,
  exchangeOrderId: marketId,
  fillId: marketId,
  quantity,
  timestamp: time,
};

export const Execution: z.ZodType<Execution> = z.discriminatedUnion("kind", [
  fieldsOnly({ kind: z.literal("filled"), ...executionOf, price }),
  fieldsOnly({ kind: z.literal("rejected"), ...executionOf, reason: text(200) }),
]);

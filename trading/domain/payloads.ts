/** The payloads of the trading channels. Prices are decimal strings, quantities whole shares, times epoch ms. */

import type { Channel } from "throughline";
import { z } from "zod";
import {
  clientId,
  eitherOf,
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
import type { VenueReport, VenueRequest } from "./venue.ts";
import { VenueReport as VenueReportSchema, VenueRequest as VenueRequestSchema } from "./venue.ts";

/**
 * The type of an order. A `market` order's `price` is the worst that the client accepts: it is executed at once as far as that goes, and the rest
 * of it is cancelled.
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

/** A client's wish that what is open of an order of its own be cancelled. `id` is the client's own, and unique among its user's cancels. */
export interface ClientCancel {
  readonly kind: "cancel";
  readonly id: string;
  readonly userId: string;
  /** The order's. */
  readonly symbol: string;
  readonly orderId: string;
}

/** What clients ask for: a cancel stands behind the order that it is for. */
export type ClientRequest = ClientOrder | ClientCancel;

/** An order for an exchange: a slice of the sum of client orders of one symbol, side, type and price. */
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
  /** Absent: a limit order, which rests. */
  readonly orderType?: "market";
}

/** Asks an exchange to cancel the part of an exchange order that belongs to one client order. */
export interface ExchangeCancel {
  readonly kind: "cancel";
  readonly id: string;
  readonly exchangeOrderId: string;
  /** The client order whose part it is, and its user. */
  readonly clientOrderId: string;
  readonly userId: string;
  /** At most this much. */
  readonly quantity: number;
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly exchange: string;
}

export type ExchangeRequest = ExchangeOrder | ExchangeCancel;

/** A request as it goes over the session with a venue. `key` orders it among the others. */
export interface VenueOrder {
  readonly venue: string;
  readonly key: string;
  readonly request: VenueRequest;
}

/** What a venue has reported, as it came in. */
export type VenueNotice =
  | { readonly kind: "report"; readonly venue: string; readonly number: number; readonly report: VenueReport }
  /** What is none. `text` is the beginning of it. */
  | {
      readonly kind: "unreadable";
      readonly venue: string;
      readonly number: number;
      readonly text: string;
      readonly problem: string;
    };

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

/** A report that a quantity of an exchange order was cancelled: as a cancel asked, or without one (expired, the rest of a market order). */
export interface Cancelled {
  readonly kind: "cancelled";
  readonly id: string;
  readonly exchangeOrderId: string;
  readonly cancelledQuantity: number;
  readonly reason: string;
  readonly cancelId?: string;
  readonly timestamp: number;
}

/** A report that nothing was cancelled. */
export interface CancelRejected {
  readonly kind: "cancelRejected";
  readonly id: string;
  readonly exchangeOrderId: string;
  readonly cancelId: string;
  readonly reason: string;
  readonly timestamp: number;
}

/** An exchange's report about an exchange order. An order is complete when its reports add up to its quantity. */
export type ExchangeReport = Fill | Reject | Cancelled | CancelRejected;

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
  | (ExecutionOf<"rejected"> & { readonly reason: string })
  | (ExecutionOf<"cancelled"> & { readonly reason: string })
  | CancelRefusal;

/** The answer to a client's cancel of which nothing has come. */
export interface CancelRefusal {
  readonly kind: "cancelRejected";
  readonly id: string;
  readonly clientOrderId: string;
  readonly userId: string;
  /** The client's own. */
  readonly cancelId: string;
  readonly reason: string;
  readonly timestamp: number;
}

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

export const ClientCancel: z.ZodType<ClientCancel> = fieldsOnly({
  kind: z.literal("cancel"),
  id: clientId,
  userId: clientId,
  symbol,
  orderId: clientId,
});

export const ClientRequest: Channel<ClientRequest>["schema"] = eitherOf(ClientOrder, ClientCancel);

export const ExchangeOrder: z.ZodType<ExchangeOrder> = fieldsOnly({
  id: marketId,
  parentClientOrderIds: z.array(clientId).min(1).max(maxParents),
  userIds: z.array(clientId).min(1).max(maxParents),
  symbol,
  side,
  price,
  quantity,
  exchange: text(32),
  orderType: z.literal("market").exactOptional(),
});

export const ExchangeCancel: z.ZodType<ExchangeCancel> = fieldsOnly({
  kind: z.literal("cancel"),
  id: marketId,
  exchangeOrderId: marketId,
  clientOrderId: clientId,
  userId: clientId,
  quantity,
  symbol,
  side,
  price,
  exchange: text(32),
});

export const ExchangeRequest: Channel<ExchangeRequest>["schema"] = eitherOf(ExchangeOrder, ExchangeCancel);

export const VenueOrder: z.ZodType<VenueOrder> = fieldsOnly({
  venue: text(32),
  key: z.string().max(200),
  request: VenueRequestSchema,
});

export const VenueNotice: z.ZodType<VenueNotice> = z.discriminatedUnion("kind", [
  fieldsOnly({ kind: z.literal("report"), venue: text(32), number: time, report: VenueReportSchema }),
  fieldsOnly({
    kind: z.literal("unreadable"),
    venue: text(32),
    number: time,
    text: z.string().max(1_000),
    problem: text(300),
  }),
]);

const reportOf = { id: marketId, exchangeOrderId: marketId, timestamp: time };

export const ExchangeReport: z.ZodType<ExchangeReport> = z.discriminatedUnion("kind", [
  fieldsOnly({ kind: z.literal("filled"), ...reportOf, filledQuantity: quantity, filledPrice: price }),
  fieldsOnly({ kind: z.literal("rejected"), ...reportOf, rejectedQuantity: quantity, reason: text(200) }),
  fieldsOnly({
    kind: z.literal("cancelled"),
    ...reportOf,
    cancelledQuantity: quantity,
    reason: text(200),
    cancelId: marketId.exactOptional(),
  }),
  fieldsOnly({ kind: z.literal("cancelRejected"), ...reportOf, cancelId: marketId, reason: text(200) }),
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
  fieldsOnly({ kind: z.literal("cancelled"), ...executionOf, reason: text(200) }),
  fieldsOnly({
    kind: z.literal("cancelRejected"),
    id: marketId,
    clientOrderId: clientId,
    userId: clientId,
    cancelId: clientId,
    reason: text(200),
    timestamp: time,
  }),
]);

/** True for a cancel, among orders and cancels. */
export function isCancel<C extends { readonly kind: "cancel" }>(request: object | C): request is C {
  return "kind" in request && request.kind === "cancel";
}

/** The quantity that a report or an execution accounts for; none where a cancel was rejected. */
export function quantityOf(one: ExchangeReport | Execution): number {
  if ("quantity" in one) return one.quantity;
  if (one.kind === "filled") return one.filledQuantity;
  if (one.kind === "rejected") return one.rejectedQuantity;
  return one.kind === "cancelled" && "cancelledQuantity" in one ? one.cancelledQuantity : 0;
}

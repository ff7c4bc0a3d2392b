/** What a client of a venue may ask for, and what the venue reports: the words of its protocol. Prices are decimal strings, times epoch ms. */

import { z } from "zod";
import { fieldsOnly, marketId, price, quantity, type Side, side, symbol, text, time } from "./fields.ts";

/** A new order. A `market` order takes what is there at its price or better, and the rest of it is cancelled at once. */
export interface NewOrder {
  readonly kind: "order";
  /** The client's own id. A second order of the client with this id is the same order, sent again. */
  readonly orderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly orderType: "limit" | "market";
  /** The worst price that is accepted. */
  readonly price: string;
  readonly quantity: number;
  /** When what rests of a limit order expires. Absent: as the venue's own option says. */
  readonly expiresAt?: number;
}

/** Asks for the cancellation of an order, or of a part of it. */
export interface CancelOrder {
  readonly kind: "cancel";
  /** The client's own id. A second request of the client with this id is the same request, sent again. */
  readonly cancelId: string;
  readonly orderId: string;
  /** At most this much of what is open. Absent: all of it. */
  readonly quantity?: number;
}

export type VenueRequest = NewOrder | CancelOrder;

interface ReportOf<Kind extends string> {
  readonly kind: Kind;
  /** Unique at the venue. */
  readonly id: string;
  readonly orderId: string;
  /** What stays open of the order after this report. */
  readonly open: number;
  readonly at: number;
}

/** A report about an order. Each order has one `accepted` or `rejected` first; `quantity` then adds up to the order's. */
export type VenueReport =
  | (ReportOf<"accepted"> & { readonly quantity: number })
  | (ReportOf<"filled"> & { readonly quantity: number; readonly price: string })
  /** The venue does not execute this quantity: at once, or of what rested. */
  | (ReportOf<"rejected"> & { readonly quantity: number; readonly reason: string })
  /** `cancelId` is absent where nobody asked: the rest of a market order, and what has expired. */
  | (ReportOf<"cancelled"> & { readonly quantity: number; readonly reason: string; readonly cancelId?: string })
  | (ReportOf<"cancelRejected"> & { readonly cancelId: string; readonly reason: string });

/** Sums over orders, in shares. `ordered = filled + rejected + cancelled + open`. */
export interface VenueTotals {
  readonly orders: number;
  readonly ordered: number;
  readonly filled: number;
  readonly rejected: number;
  readonly cancelled: number;
  readonly open: number;
  readonly fills: number;
}

const order = fieldsOnly({
  kind: z.literal("order"),
  orderId: marketId,
  symbol,
  side,
  orderType: z.enum(["limit", "market"]),
  price,
  quantity,
  expiresAt: time.exactOptional(),
});
const cancel = fieldsOnly({
  kind: z.literal("cancel"),
  cancelId: marketId,
  orderId: marketId,
  quantity: quantity.exactOptional(),
});

export const VenueRequest: z.ZodType<VenueRequest> = z.discriminatedUnion("kind", [order, cancel]);

const reported = { id: marketId, orderId: marketId, open: z.int().min(0), at: time };

export const VenueReport: z.ZodType<VenueReport> = z.discriminatedUnion("kind", [
  fieldsOnly({ kind: z.literal("accepted"), ...reported, quantity }),
  fieldsOnly({ kind: z.literal("filled"), ...reported, quantity, price }),
  fieldsOnly({ kind: z.literal("rejected"), ...reported, quantity, reason: text(200) }),
  fieldsOnly({
    kind: z.literal("cancelled"),
    ...reported,
    quantity,
    reason: text(200),
    cancelId: marketId.exactOptional(),
  }),
  fieldsOnly({ kind: z.literal("cancelRejected"), ...reported, cancelId: marketId, reason: text(200) }),
]);

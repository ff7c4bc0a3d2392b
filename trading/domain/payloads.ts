/** The payloads of the four trading channels. Prices are decimal strings, quantities whole shares, times epoch ms. */

import { z } from "zod";

export type Side = "buy" | "sell";

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

/** Largest quantity of one order. A batch of orders adds up far below 2^53. */
export const maxQuantity = 10_000_000;

/** Most client orders that may hold a share of one exchange order; as many as an entry keeps causes. */
export const maxParents = 1_000;

/** The message for a value of the wrong type; a missing value has another one. */
const must = (what: string): { error: (issue: { readonly input?: unknown }) => string } => ({
  error: ({ input }) => (input === undefined ? "is missing" : `must be ${what}`),
});
/** An object with exactly these fields. */
export function fieldsOnly<S extends z.core.$ZodShape>(fields: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(fields, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `must have no other field: ${(issue["keys"] as readonly string[]).map((key) => JSON.stringify(key)).join(", ")}`
        : "must be an object",
  });
}
const text = (longest: number): z.ZodString =>
  z
    .string(must(`a string of 1 to ${longest} characters`))
    .min(1)
    .max(longest);
// Without ":", so that user and order id can be joined with it; without spaces and commas, so that they fit into
// baggage.
const clientId = z
  .string(must("a string"))
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 of A-Z, a-z, 0-9, ".", "_", "-", beginning with a letter or digit',
  );
const marketId = z
  .string(must("a string"))
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,159}$/, "must be an id of 1 to 160 characters without spaces");
const symbol = z
  .string(must("a string"))
  .regex(/^[A-Z][A-Z0-9.-]{0,15}$/, 'must be 1 to 16 of A-Z, 0-9, "." and "-", beginning with a letter');
const price = z
  .string(must('a decimal string such as "577.50", not a number'))
  .regex(
    /^(?=.*[1-9])(?:0|[1-9]\d{0,9})(?:\.\d{1,8})?$/,
    'must be a decimal above 0 such as "577.50", with at most 8 decimals',
  );
const quantity = z
  .int(must("a whole number of shares"))
  .min(1, "must be at least 1")
  .max(maxQuantity, `must be at most ${maxQuantity}`);
const side = z.enum(["buy", "sell"], must('"buy" or "sell"'));
const time = z.int(must("a time in whole ms since the epoch")).min(0);

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

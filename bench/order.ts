/** The event of every contender: a client's order, as JSON of about 95 bytes or a given size, and its trace fields. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Channel, defineChannel } from "../src/index.ts";

export interface Order {
  readonly id: string;
  readonly userId: string;
  readonly symbol: string;
  readonly side: "buy" | "sell";
  readonly quantity: number;
  readonly price: string;
  /** Fills the payload up to a size. */
  readonly note?: string;
}

/** Checks every field. Written by hand, because the cost of a schema library is not to be measured. */
const schema: StandardSchemaV1<unknown, Order> = {
  "~standard": {
    version: 1,
    vendor: "bench",
    validate: (value) => {
      const order = value as Order;
      const isOrder =
        typeof order === "object" &&
        order !== null &&
        typeof order.id === "string" &&
        typeof order.userId === "string" &&
        typeof order.symbol === "string" &&
        (order.side === "buy" || order.side === "sell") &&
        Number.isInteger(order.quantity) &&
        typeof order.price === "string" &&
        (order.note === undefined || typeof order.note === "string");
      return isOrder ? { value: order } : { issues: [{ message: "it is no order" }] };
    },
  },
};

export const orders: Channel<Order> = channelOf("orders");
export const routed: Channel<Order> = channelOf("routed");

function channelOf(name: string): Channel<Order> {
  return defineChannel({
    name,
    schema,
    key: (order) => order.symbol,
    correlation: (order) => ({ "user.id": order.userId, "client.order_id": order.id }),
  });
}

/** Makes order number `i`, as JSON of about `payloadBytes`; without that, as short as it is. */
export function orderOf(i: number, payloadBytes?: number): Order {
  const order: Order = {
    id: `c-${String(i).padStart(8, "0")}`,
    userId: `u-${i % 997}`,
    symbol: `S${i % 101}`,
    side: i % 2 === 0 ? "buy" : "sell",
    quantity: 100 + (i % 900),
    price: "187.25",
  };
  if (payloadBytes === undefined || payloadBytes <= bareBytes) return order;
  return { ...order, note: noteOf(payloadBytes - bareBytes) };
}

/** Bytes of an order as JSON with an empty note, give or take the digits of its numbers. */
const bareBytes = 105;
const notes = new Map<number, string>();

/** A note of words, so that it compresses and escapes like text. */
function noteOf(length: number): string {
  const known = notes.get(length);
  if (known !== undefined) return known;
  const note = "fill or kill, at the close; ".repeat(Math.ceil(length / 28)).slice(0, length);
  notes.set(length, note);
  return note;
}

/** The number of an order from its id. */
export function numberOf(order: Pick<Order, "id">): number {
  return Number(order.id.slice(2));
}

/** The output of a consumer for an order, in the scenarios that produce. */
export function routedOf(order: Order): Order {
  return { ...order, quantity: order.quantity + 1 };
}

/** The one `traceparent` of contenders that publish without tracing. */
export const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/**
 * The `traceparent` of event `i`, each a trace of its own, with the given share of them sampled: 0, or one in so many.
 */
export function traceparentOf(i: number, sampled: number): string {
  const isSampled = sampled > 0 && i % Math.round(1 / sampled) === 0;
  const number = (i + 1).toString(16);
  return `00-${number.padStart(32, "a")}-${number.padStart(16, "b")}-0${isSampled ? 1 : 0}`;
}

export function baggageOf(order: Order): string {
  return `user.id=${order.userId},client.order_id=${order.id}`;
}

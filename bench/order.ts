/** The event that everybody publishes and handles: a client's order of about 100 bytes as JSON, and its trace fields. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Channel, defineChannel } from "../src/index.ts";

export interface Order {
  readonly id: string;
  readonly userId: string;
  readonly symbol: string;
  readonly side: "buy" | "sell";
  readonly quantity: number;
  readonly price: string;
}

/** Checks every field. By hand, because a schema library's own cost is not what is measured. */
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
        typeof order.price === "string";
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

export function orderOf(i: number): Order {
  return {
    id: `c-${String(i).padStart(8, "0")}`,
    userId: `u-${i % 997}`,
    symbol: `S${i % 101}`,
    side: i % 2 === 0 ? "buy" : "sell",
    quantity: 100 + (i % 900),
    price: "187.25",
  };
}

/** What a consumer makes of an order in the scenarios that produce. */
export function routedOf(order: Order): Order {
  return { ...order, quantity: order.quantity + 1 };
}

export const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

export function baggageOf(order: Order): string {
  return `user.id=${order.userId},client.order_id=${order.id}`;
}

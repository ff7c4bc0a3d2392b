/** The client orders of the pipeline's rounds: mixed symbols, both sides, five prices; or those of a file. */

import { ConfigError } from "../../../src/index.ts";
import type { ClientOrder } from "../../../trading/domain/index.ts";
import { readOrders } from "../../../trading/domain/order-file.ts";

/** The environment variable that names the file, for the contenders' processes. */
export const orderFileVariable = "BENCH_ORDERS";

/** @throws {ConfigError} on a file that cannot be read or has a line that is no order */
export async function readOrderFile(path: string): Promise<readonly ClientOrder[]> {
  const orders: ClientOrder[] = [];
  for await (const line of readOrders(path)) {
    if (!("order" in line)) throw new ConfigError(`line ${line.line} of "${path}" is no order`);
    orders.push(line.order);
  }
  if (orders.length === 0) throw new ConfigError(`"${path}" has no orders`);
  return orders;
}

const file = process.env[orderFileVariable];
const given = file === undefined ? undefined : await readOrderFile(file);

export function clientOrderOf(i: number): ClientOrder {
  if (given !== undefined) return given[i] as ClientOrder;
  return {
    id: `c-${i}`,
    userId: `u-${i % 97}`,
    symbol: `S${i % 23}`,
    side: i % 2 === 0 ? "buy" : "sell",
    price: `${180 + (i % 5)}.25`,
    quantity: 100 + (i % 900),
    orderType: "limit",
  };
}

/** The orders from `first` up to `end`, without it. */
export function clientOrders(first: number, end: number): readonly ClientOrder[] {
  return Array.from({ length: end - first }, (_, i) => clientOrderOf(first + i));
}

export function orderedQuantity(count: number): number {
  return clientOrders(0, count).reduce((sum, { quantity }) => sum + quantity, 0);
}

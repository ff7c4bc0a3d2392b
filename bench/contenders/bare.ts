/** Common parts of the two hand-written contenders, which trace, fence and validate nothing, and know no retries and dead letters. */

import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import type { Backlog, Shape } from "../contender.ts";
import { fill } from "../fill.ts";
import { baggageOf, type Order, orderOf, traceparent } from "../order.ts";

export const stream = "orders";
export const routed = "routed";
export const group = "bare";
/** Number of entries a read. */
export const perRead = 500;
/** Number of entries that one script call settles. */
export const perScript = 100;

/** The script for a batch: appends each output, then acknowledges all entries. */
export const transformScript = `
local ids = {}
for i = 2, #ARGV, 4 do
  redis.call('XADD', KEYS[2], '*', 'payload', ARGV[i + 1], 'traceparent', ARGV[i + 2], 'baggage', ARGV[i + 3])
  ids[#ids + 1] = ARGV[i]
end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
`;
export const transformSha: string = createHash("sha1").update(transformScript).digest("hex");

export function fieldsOf(i: number, { payloadBytes }: Shape): string[] {
  const order = orderOf(i, payloadBytes);
  return ["payload", JSON.stringify(order), "traceparent", traceparent, "baggage", baggageOf(order)];
}

export async function backlog({ url, count, shape }: Backlog): Promise<void> {
  const client = new Redis(url);
  await fill(client, stream, count, (i) => fieldsOf(i, shape));
  await client.quit();
}

export const position = "position";
export const state = "sums";

/** The same without a group: the position is written with the outputs. */
export const cursorScript = `
for i = 2, #ARGV, 3 do
  redis.call('XADD', KEYS[1], '*', 'payload', ARGV[i], 'traceparent', ARGV[i + 1], 'baggage', ARGV[i + 2])
end
redis.call('SET', KEYS[2], ARGV[1])
`;
export const cursorSha: string = createHash("sha1").update(cursorScript).digest("hex");

/** Adds the orders' quantities to the sums by symbol. Returns those that have changed, each once: they are written once a read. */
export function sumsOf(sums: Map<string, number>, orders: readonly Order[]): Map<string, number> {
  const changed = new Map<string, number>();
  for (const { symbol, quantity } of orders) {
    const sum = (sums.get(symbol) ?? 0) + quantity;
    sums.set(symbol, sum);
    changed.set(symbol, sum);
  }
  return changed;
}

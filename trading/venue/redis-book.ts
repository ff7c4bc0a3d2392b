/** The exchange's book in Redis: it outlives the process, and several order senders share it. */

import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { redisClientOptions, type ServersPlace, type TlsOptions } from "throughline";
import type { VenueReport } from "../domain/exchange.ts";
import { type Book, type BookTotals, totalsOf } from "./book.ts";

const script = readFileSync(new URL("./enter.lua", import.meta.url), "utf8");

/** Time after which a socket that owes a reply is cut, ms: longer than Redis pauses. */
const silenceMs = 5_000;

export interface RedisBook extends Book, AsyncDisposable {}

/**
 * Opens the book, a stand-in for a venue's own database: it has a connection and keys of its own. Waits for a Redis
 * that is away.
 */
export function openRedisBook(servers: string | ServersPlace, namespace: string, tls?: TlsOptions): RedisBook {
  const keys = [`sim-exchange:{${namespace}}:orders`, `sim-exchange:{${namespace}}:totals`] as const;
  const redis = new Redis({
    ...redisClientOptions(servers, tls, keys[0]),
    maxRetriesPerRequest: null,
    // A network may swallow traffic without a reset: a command without a reply is cut and sent again over a new
    // connection.
    socketTimeout: silenceMs,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2_000),
  });
  // Without a listener ioredis prints each failed attempt; the backbone's own connections report an outage already.
  redis.on("error", () => {});

  return {
    enter: async (orderId, reports) => {
      const added = Object.entries(totalsOf(reports)).flat();
      // Entering an order twice has the effect of once, so that a resend after a lost reply is harmless.
      const entered = await redis.eval(script, keys.length, ...keys, orderId, JSON.stringify(reports), ...added);
      return JSON.parse(entered as string) as readonly VenueReport[];
    },
    totals: async () => {
      const totals = await redis.hgetall(keys[1]);
      const total = (name: keyof BookTotals): number => Number(totals[name] ?? 0);
      return {
        orders: total("orders"),
        orderedQuantity: total("orderedQuantity"),
        filledQuantity: total("filledQuantity"),
        rejectedQuantity: total("rejectedQuantity"),
        fills: total("fills"),
      };
    },
    [Symbol.asyncDispose]: async () => redis.disconnect(),
  };
}

/** The clients of a soak: seeded orders that keep coming, each placed until it is confirmed. */

import { setTimeout as delay } from "node:timers/promises";
import { placeCancel, placeOrder } from "../../producers/order-manager/index.ts";
import { type Backbone, PublishError } from "../../src/index.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import {
  between,
  type ClientOrder,
  type ClientRequest,
  clientCancelEventId,
  clientOrderEventId,
  clientOrders,
  isCancel,
  orderKey,
  seededRandom,
  tradingPartitions,
} from "../../trading/domain/index.ts";
import type { FactOf } from "../checker/history.ts";

type Stock = readonly [name: string, mid: number];

const few: readonly Stock[] = [
  ["MSFT", 41_500],
  ["NVDA", 13_100],
  ["AAPL", 22_900],
  ["AMZN", 20_400],
  ["TSLA", 33_800],
];

/** The five above, or, for more partitions than they lie in, two for each partition: a partition without orders would bear every fault. */
function symbolsFor(partitions: number): readonly Stock[] {
  if (partitions <= tradingPartitions) return few;
  const found = Array.from({ length: partitions }, (): Stock[] => []);
  for (let n = 0; found.some(({ length }) => length < 2); n++) {
    const name = `S${n}`;
    const there = found[partitionOf(name, partitions)] as Stock[];
    if (there.length < 2) there.push([name, 10_000 + 100 * n]);
  }
  return found.flat();
}

/** Lots of a hundred, most of them small, some larger than what an exchange order may be. */
const largestLots = 40;

/** Orders without end, the same for the same seed. */
function* drawOrders(seed: string, partitions: number): Generator<ClientOrder> {
  const symbols = symbolsFor(partitions);
  const random = seededRandom(`orders ${seed}`);
  for (let n = 1; ; n++) {
    const [symbol, mid] = symbols[between(random, 0, symbols.length - 1)] as Stock;
    // Few prices, so that orders meet and are netted.
    const cents = mid + between(random, -2, 2);
    yield {
      id: `k-${n}`,
      userId: `user-${between(random, 1, 20)}`,
      symbol,
      side: random() < 0.5 ? "buy" : "sell",
      price: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`,
      quantity: 100 * Math.ceil(random() ** 3 * largestLots),
      orderType: random() < 0.8 ? "limit" : "market",
    };
  }
}

/** Longest wait of a publish for its confirmation, ms: shorter than some outages, so that both outcomes occur. */
export const publishTimeoutMs = 3_000;
const retryDelayMs = 200;
/** Share of the orders that their clients cancel, and the longest time after which they do, ms. */
const cancelShare = 0.1;
const cancelWithinMs = 150;

export interface FeedCounts {
  readonly placed: number;
  readonly quantity: number;
  /** Cancels among the placed. */
  readonly cancels: number;
  /** Times that an order was placed again, because it was not confirmed. */
  readonly placedAgain: number;
}

/** Places orders until it is ended. */
export class Feed {
  /** The result of each order's publish. */
  readonly published: FactOf<"publish">[] = [];
  /** The entry of every order that was confirmed, by `orderKey`. */
  readonly confirmed: Map<string, string> = new Map();
  readonly #counts = { placed: 0, quantity: 0, cancels: 0, placedAgain: 0 };
  readonly #backbone: Pick<Backbone, "publish">;
  readonly #done: Promise<void>;
  #hasEnded = false;

  constructor(
    backbone: Pick<Backbone, "publish">,
    {
      seed,
      rate: ordersPerSecond,
      partitions,
    }: { readonly seed: string; readonly rate: number; readonly partitions: number },
  ) {
    this.#backbone = backbone;
    this.#done = this.#run(drawOrders(seed, partitions), seededRandom(`cancels ${seed}`), ordersPerSecond);
    this.#done.catch(() => undefined); // thrown at the end
  }

  get counts(): FeedCounts {
    return { ...this.#counts };
  }

  /** Draws no more orders. Resolves when those that were drawn are confirmed. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#done;
  }

  async #run(orders: Generator<ClientOrder>, random: () => number, ordersPerSecond: number): Promise<void> {
    const placing = new Set<Promise<void>>();
    const beganAt = performance.now();
    let failure: unknown;
    for (let drawn = 0; !this.#hasEnded && failure === undefined; drawn++) {
      const behindMs = performance.now() - beganAt - (drawn * 1_000) / ordersPerSecond;
      if (behindMs < 0) await delay(Math.ceil(-behindMs));
      const { value: order } = orders.next() as IteratorYieldResult<ClientOrder>;
      const isCancelled = random() < cancelShare;
      const afterMs = random() * cancelWithinMs;
      const one = this.#placeAndCancel(order, isCancelled ? afterMs : undefined).catch((error: unknown) => {
        failure = error;
      });
      placing.add(one);
      void one.then(() => placing.delete(one));
    }
    await Promise.all(placing);
    if (failure !== undefined) throw failure;
  }

  async #placeAndCancel(order: ClientOrder, cancelAfterMs: number | undefined): Promise<void> {
    await this.#place(order);
    if (cancelAfterMs === undefined) return;
    await delay(cancelAfterMs);
    const { id, userId, symbol } = order;
    await this.#place({ kind: "cancel", id: `c-${id}`, userId, symbol, orderId: id });
  }

  async #place(request: ClientRequest): Promise<void> {
    for (;;) {
      try {
        const { entryId } = await (isCancel(request)
          ? placeCancel(this.#backbone, request)
          : placeOrder(this.#backbone, request));
        if (isCancel(request)) this.#counts.cancels++;
        else {
          this.#counts.placed++;
          this.#counts.quantity += request.quantity;
          this.confirmed.set(orderKey(request.userId, request.id), entryId);
        }
        // A producer each, as orders that are placed again have no order among each other.
        const id = isCancel(request) ? clientCancelEventId(request) : clientOrderEventId(request);
        this.published.push({
          fact: "publish",
          producer: id,
          channel: clientOrders.name,
          id,
          key: request.symbol,
          outcome: "acked",
          entryId,
        });
        return;
      } catch (error) {
        if (!(error instanceof PublishError)) throw error;
        this.#counts.placedAgain++;
        await delay(retryDelayMs);
      }
    }
  }
}

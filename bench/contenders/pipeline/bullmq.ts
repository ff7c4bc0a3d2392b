/**
 * The trading pipeline on BullMQ as its users would write it: a queue a channel and component, workers with 100 jobs at once, the same netting, slicing,
 * records and venue. A job is completed last, so that what a crash interrupts is done again. State is in memory and written through, as two jobs of one
 * order may run at once. BullMQ has no batches: whoever nets lets the jobs of a batch wait for each other.
 */

import { type JobsOptions, Queue, type Telemetry, Worker } from "bullmq";
import { Redis } from "ioredis";
import { RequestSession } from "../../../consumers/order-sender/request-session.ts";
import type { OrderRecord } from "../../../producers/order-manager/order-record.ts";
import {
  type ClientOrder,
  type ExchangeOrder,
  type Execution,
  type Fill,
  orderKey,
  quantityOf,
  type VenueOrder,
  type VenueReport,
} from "../../../trading/domain/index.ts";
import type { ProvidedVenue } from "../../../trading/pipeline/venue-process.ts";
import { log } from "../throughline/common.ts";
import {
  batch,
  exchangeOrdersOf,
  executionsOf,
  fillOf,
  type OpenOrder,
  type Placed,
  recordExecution,
  recordOrder,
  type Sent,
  venueOrderOf,
} from "./desk.ts";
import type { HandPipeline } from "./hand-pipeline.ts";
import { HandState } from "./hand-state.ts";
import { client, fence, followReports } from "./reports.ts";

const defaultJobOptions: JobsOptions = { removeOnComplete: true, removeOnFail: true };
const concurrency = 100;
const dayMs = 86_400_000;

/** Keeps what has changed of a state, together with what else changes in this turn of the loop. */
class WrittenThrough<V> {
  readonly state: HandState<V>;
  readonly #redis: Redis;
  #writing: Promise<void> | undefined;

  constructor(redis: Redis, key: string) {
    this.#redis = redis;
    this.state = new HandState<V>(redis, key);
  }

  write(): Promise<void> {
    this.#writing ??= new Promise<void>((next) => setImmediate(next)).then(() => {
      this.#writing = undefined;
      return this.#flush();
    });
    return this.#writing;
  }

  async #flush(): Promise<void> {
    const { set, gone } = this.state.takeWrites();
    const writes: Promise<unknown>[] = [];
    if (set.length > 0) writes.push(this.#redis.hset(this.state.key, ...set));
    if (gone.length > 0) writes.push(this.#redis.hdel(this.state.key, ...gone));
    await Promise.all(writes);
  }
}

/** Everything that is opened, with its end. */
class Bench {
  readonly #url: string;
  readonly #telemetry: { telemetry?: Telemetry };
  readonly #stack: AsyncDisposableStack;
  readonly #failed: (error: unknown) => void;

  constructor(
    url: string,
    telemetry: { telemetry?: Telemetry },
    stack: AsyncDisposableStack,
    failed: (error: unknown) => void,
  ) {
    this.#url = url;
    this.#telemetry = telemetry;
    this.#stack = stack;
    this.#failed = failed;
  }

  connect(): Redis {
    const redis = new Redis(this.#url, { maxRetriesPerRequest: null });
    this.#stack.defer(() => redis.disconnect());
    return redis;
  }

  queue<P>(name: string, connection: Redis): Queue<P, void, string, P, void, string> {
    const queue = new Queue<P, void, string, P, void, string>(name, {
      connection,
      defaultJobOptions,
      ...this.#telemetry,
    });
    this.#stack.defer(() => queue.close());
    return queue;
  }

  work<P>(name: string, handle: (payload: P, time: number) => Promise<void>): void {
    const worker = new Worker<P, void>(name, ({ data, timestamp }) => handle(data, timestamp), {
      ...{ connection: this.connect(), concurrency, ...this.#telemetry },
    });
    worker.on("failed", (_job, error) => this.#failed(error));
    worker.on("error", () => undefined); // its connection's, at the end
    this.#stack.defer(() => worker.close());
  }
}

type Add = <P>(
  queue: Queue<P, void, string, P, void, string>,
  payloads: readonly P[],
  opts?: (payload: P) => JobsOptions,
) => Promise<unknown>;

const add: Add = async (queue, payloads, opts) => {
  if (payloads.length === 0) return;
  await queue.addBulk(payloads.map((data) => ({ name: "event", data, ...(opts && { opts: opts(data) }) })));
};

export async function openBullPipeline(
  url: string,
  venue: ProvidedVenue,
  telemetry: { telemetry?: Telemetry },
): Promise<HandPipeline> {
  await using opening = new AsyncDisposableStack();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined); // whoever waits is told
  const bench = new Bench(url, telemetry, opening, failure.reject);
  const connection = bench.connect();

  // Both of the components that take client orders have a queue of their own.
  const ordersToKeep = bench.queue<ClientOrder>("client-orders-to-keep", connection);
  const ordersToNet = bench.queue<ClientOrder>("client-orders-to-net", connection);
  const exchangeOrders = bench.queue<ExchangeOrder>("exchange-orders", connection);
  const venueOrders = bench.queue<VenueOrder>("venue-orders", connection);
  const reports = bench.queue<VenueReport>("reports", connection);
  const fills = bench.queue<Fill>("fills", connection);
  const executions = bench.queue<Execution>("executions", connection);

  const had = { exchangeOrders: 0, executions: 0 };
  let executed = 0;
  let wanted: { readonly quantity: number; readonly reached: () => void } | undefined;
  const records = new WrittenThrough<OrderRecord>(connection, "records");
  bench.work<ClientOrder>("client-orders-to-keep", async (order, time) => {
    await records.state.load([orderKey(order.userId, order.id)]);
    recordOrder({ order, time }, records.state);
    await records.write();
  });
  bench.work<Execution>("executions", async (execution) => {
    await records.state.load([orderKey(execution.userId, execution.clientOrderId)]);
    recordExecution(execution, records.state);
    await records.write();
    had.executions++;
    executed += quantityOf(execution);
    if (wanted !== undefined && executed >= wanted.quantity) wanted.reached();
  });

  const open = new WrittenThrough<OpenOrder>(connection, "open-orders");
  let gathered: Placed[] = [];
  let netting: Promise<void> | undefined;
  let flush: () => void = () => undefined;
  bench.work<ClientOrder>("client-orders-to-net", (order, time) => {
    gathered.push({ order, time });
    netting ??= new Promise<void>((full) => {
      const timer = setTimeout(full, batch.maxWaitMs);
      flush = () => {
        clearTimeout(timer);
        full();
      };
    }).then(async () => {
      const placed = gathered;
      gathered = [];
      netting = undefined;
      const sent = exchangeOrdersOf(placed, open.state);
      had.exchangeOrders += sent.length;
      await open.write();
      await add(exchangeOrders, sent, ({ id }) => ({ jobId: id }));
    });
    const netted = netting;
    if (gathered.length >= Math.min(batch.maxSize, concurrency)) flush();
    return netted;
  });
  bench.work<Fill>("fills", async (fill) => {
    await open.state.load([fill.exchangeOrderId]);
    const parts = executionsOf(fill, open.state);
    await open.write();
    await add(executions, parts);
  });

  const sent = new WrittenThrough<Sent>(connection, "sent-orders");
  const session = opening.use(new RequestSession({ venue: venue.address, client, partition: 0, log }));
  const closing = new AbortController();
  bench.work<ExchangeOrder>("exchange-orders", async (order) => {
    const request = venueOrderOf(order, sent.state);
    await sent.write();
    await add(venueOrders, [request]);
  });
  bench.work<VenueOrder>("venue-orders", ({ request }) => session.send(request, fence, closing.signal));
  bench.work<VenueReport>("reports", async (report) => {
    await sent.state.load([report.orderId]);
    const fill = fillOf(report, sent.state);
    await sent.write();
    if (fill !== undefined) await add(fills, [fill]);
  });
  const from = 1 + Number((await connection.hget("venue-position", venue.address.name)) ?? 0);
  const keepReports = async (kept: readonly VenueReport[], last: number): Promise<void> => {
    await add(reports, kept, ({ id }) => ({ jobId: id }));
    await connection.hset("venue-position", venue.address.name, last);
  };
  const following = followReports(venue.address, from, keepReports, closing.signal).catch(failure.reject);
  opening.defer(async () => {
    closing.abort(new Error("the sender is closed"));
    await following;
  });

  const opened = opening.move();
  return {
    had,
    place: async (orders) => {
      const once = (order: ClientOrder): JobsOptions => ({
        deduplication: { id: orderKey(order.userId, order.id), ttl: dayMs },
      });
      await Promise.all([add(ordersToKeep, orders, once), add(ordersToNet, orders, once)]);
    },
    whenExecuted: async (quantity) => {
      const reached = Promise.withResolvers<void>();
      wanted = { quantity, reached: reached.resolve };
      if (executed >= quantity) reached.resolve();
      await Promise.race([reached.promise, failure.promise]);
      if (executed !== quantity) throw new Error(`${executed} of ${quantity} shares were executed`);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

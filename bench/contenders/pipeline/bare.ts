/**
 * The trading pipeline by hand on bare ioredis: the same entries, netting, slicing, records and venue. It is safe against crashes, as it acknowledges last
 * (what a crash interrupts is done twice), and it traces, fences and validates nothing, and knows no retries and dead letters.
 */

import { type ChainableCommander, Redis } from "ioredis";
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

type Entry = readonly [id: string, fields: readonly string[]];
type Reply = readonly (readonly [stream: string, entries: readonly Entry[]])[] | null;

type Failed = (error: unknown) => void;

const perRead = 500;
const dayMs = 86_400_000;

/** Appends each order whose id is new. */
const placing = `
for i = 2, #ARGV, 2 do
  if redis.call('SET', 'placed:' .. ARGV[i], '1', 'NX', 'PX', ARGV[1]) then
    redis.call('XADD', KEYS[1], '*', 'payload', ARGV[i + 1])
  end
end
`;

function payloadOf<P>([, fields]: Entry): P {
  return JSON.parse(fields[1] as string) as P;
}

/** Places orders. Resolves when they are in the log. */
async function place(redis: Redis, orders: readonly ClientOrder[]): Promise<void> {
  const args = orders.flatMap((order) => [orderKey(order.userId, order.id), JSON.stringify(order)]);
  await redis.eval(placing, 1, "client-orders", dayMs, ...args);
}

/** A component: a group that reads its streams in turn, and one connection for all that it writes, in order. */
class Component implements AsyncDisposable {
  readonly writer: Redis;
  readonly #reader: Redis;
  readonly #group: string;
  readonly #streams: readonly string[];
  readonly #underWay = new Set<Promise<unknown>>();
  #running: Promise<void> | undefined;
  #isOver = false;

  private constructor(url: string, group: string, streams: readonly string[]) {
    this.writer = new Redis(url, { protocol: 2 });
    this.#reader = new Redis(url, { protocol: 2, maxRetriesPerRequest: null });
    this.#group = group;
    this.#streams = streams;
  }

  static async open(url: string, group: string, streams: readonly string[]): Promise<Component> {
    const component = new Component(url, group, streams);
    for (const stream of streams) await component.writer.xgroup("CREATE", stream, group, "0", "MKSTREAM");
    return component;
  }

  /** Calls `handle` with what was read of each stream, one batch after the other. */
  run(handle: (stream: string, entries: readonly Entry[]) => Promise<void>, failed: Failed): void {
    this.#running = this.#readAll(handle).catch((error: unknown) => {
      if (!this.#isOver) failed(error);
    });
  }

  async #readAll(handle: (stream: string, entries: readonly Entry[]) => Promise<void>): Promise<void> {
    const read = (): Promise<Reply> => {
      const reply = this.#reader.xreadgroup(
        ...(["GROUP", this.#group, "m", "COUNT", perRead, "BLOCK", 1_000, "STREAMS", ...this.#streams] as const),
        ...this.#streams.map(() => ">"),
      ) as Promise<Reply>;
      reply.catch(() => undefined); // awaited below
      return reply;
    };
    for (let next = read(); !this.#isOver; ) {
      const reply = await next;
      next = read();
      for (const [stream, entries] of reply ?? []) await handle(stream, entries);
    }
  }

  /** Sends what a batch leads to, its acknowledgement last. */
  settle(stream: string, ids: readonly string[], act: (commands: ChainableCommander) => void): Promise<void> {
    const commands = this.writer.pipeline();
    act(commands);
    commands.xack(stream, this.#group, ...ids);
    const settled = commands.exec().then((replies) => {
      for (const [error] of replies ?? []) if (error !== null) throw error;
    });
    this.#underWay.add(settled);
    settled.then(
      () => this.#underWay.delete(settled),
      () => undefined,
    );
    return settled;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#reader.disconnect();
    await this.#running;
    await this.writer.quit();
  }
}

function keep(commands: ChainableCommander, state: Pick<HandState<unknown>, "key" | "takeWrites">): void {
  const { set, gone } = state.takeWrites();
  if (set.length > 0) commands.hset(state.key, ...set);
  if (gone.length > 0) commands.hdel(state.key, ...gone);
}

function append(commands: ChainableCommander, stream: string, payloads: readonly object[]): void {
  for (const payload of payloads) commands.xadd(stream, "*", "payload", JSON.stringify(payload));
}

const idsOf = (entries: readonly Entry[]): string[] => entries.map(([id]) => id);

/** An entry's id begins with the time of its append. */
const placedOf = (entry: Entry): Placed => ({
  order: payloadOf<ClientOrder>(entry),
  time: Number.parseInt(entry[0], 10),
});

async function openManager(url: string, failed: Failed, executed: (quantity: number, count: number) => void) {
  const manager = await Component.open(url, "order-manager", ["client-orders", "executions"]);
  const records = new HandState<OrderRecord>(manager.writer, "records");
  manager.run(async (stream, entries) => {
    let quantity = 0;
    if (stream === "client-orders") {
      const placed = entries.map(placedOf);
      await records.load(placed.map(({ order }) => orderKey(order.userId, order.id)));
      for (const one of placed) recordOrder(one, records);
    } else {
      const executions = entries.map((entry) => payloadOf<Execution>(entry));
      await records.load(executions.map(({ userId, clientOrderId }) => orderKey(userId, clientOrderId)));
      for (const execution of executions) {
        recordExecution(execution, records);
        quantity += quantityOf(execution);
      }
    }
    const settled = manager.settle(stream, idsOf(entries), (commands) => keep(commands, records));
    if (stream === "executions") settled.then(() => executed(quantity, entries.length), failed);
    else settled.catch(failed);
  }, failed);
  return manager;
}

async function openAlgorithm(url: string, failed: Failed, sentOn: (exchangeOrders: number) => void) {
  const algorithm = await Component.open(url, "algorithm", ["client-orders", "fills"]);
  const open = new HandState<OpenOrder>(algorithm.writer, "open-orders");
  let gathered: Entry[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const entries = gathered;
    gathered = [];
    const sent = exchangeOrdersOf(entries.map(placedOf), open);
    sentOn(sent.length);
    const act = (commands: ChainableCommander): void => {
      append(commands, "exchange-orders", sent);
      keep(commands, open);
    };
    algorithm.settle("client-orders", idsOf(entries), act).catch(failed);
  };
  algorithm.run(async (stream, entries) => {
    if (stream === "client-orders") {
      for (const entry of entries) {
        gathered.push(entry);
        if (gathered.length === batch.maxSize) flush();
      }
      if (gathered.length > 0) timer ??= setTimeout(flush, batch.maxWaitMs);
      return;
    }
    const fills = entries.map((entry) => payloadOf<Fill>(entry));
    await open.load(fills.map(({ exchangeOrderId }) => exchangeOrderId));
    const executions = fills.flatMap((fill) => executionsOf(fill, open));
    const act = (commands: ChainableCommander): void => {
      append(commands, "executions", executions);
      keep(commands, open);
    };
    algorithm.settle(stream, idsOf(entries), act).catch(failed);
  }, failed);
  return algorithm;
}

async function openSender(url: string, venue: ProvidedVenue, failed: Failed) {
  await using opening = new AsyncDisposableStack();
  const sender = opening.use(await Component.open(url, "order-sender", ["exchange-orders", "venue-orders", "reports"]));
  const sent = new HandState<Sent>(sender.writer, "sent-orders");
  const session = opening.use(new RequestSession({ venue: venue.address, client, partition: 0, log }));
  const closing = new AbortController();
  sender.run(async (stream, entries) => {
    const ids = idsOf(entries);
    if (stream === "exchange-orders") {
      const orders = entries.map((entry) => venueOrderOf(payloadOf<ExchangeOrder>(entry), sent));
      const act = (commands: ChainableCommander): void => {
        append(commands, "venue-orders", orders);
        keep(commands, sent);
      };
      sender.settle(stream, ids, act).catch(failed);
    } else if (stream === "venue-orders") {
      // The session keeps their order; what is on the venue's disk is acknowledged.
      const taken = entries.map((entry) => session.send(payloadOf<VenueOrder>(entry).request, fence, closing.signal));
      Promise.all(taken)
        .then(() => sender.settle(stream, ids, () => undefined))
        .catch(failed);
    } else {
      const reports = entries.map((entry) => payloadOf<VenueReport>(entry));
      await sent.load(reports.map(({ orderId }) => orderId));
      const fills = reports.flatMap((report) => fillOf(report, sent) ?? []);
      const act = (commands: ChainableCommander): void => {
        append(commands, "fills", fills);
        keep(commands, sent);
      };
      sender.settle(stream, ids, act).catch(failed);
    }
  }, failed);

  const redis = new Redis(url, { protocol: 2 });
  opening.defer(async () => void (await redis.quit()));
  const from = 1 + Number((await redis.hget("venue-position", venue.address.name)) ?? 0);
  const keepReports = async (reports: readonly VenueReport[], last: number): Promise<void> => {
    const commands = redis.multi();
    append(commands, "reports", reports);
    commands.hset("venue-position", venue.address.name, last);
    await commands.exec();
  };
  const following = followReports(venue.address, from, keepReports, closing.signal).catch(failed);
  opening.defer(async () => {
    closing.abort(new Error("the sender is closed"));
    await following;
  });
  const opened = opening.move();
  return { settled: () => sender.settled(), [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

export async function openBarePipeline(url: string, venue: ProvidedVenue): Promise<HandPipeline> {
  await using opening = new AsyncDisposableStack();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined); // whoever waits is told
  const had = { exchangeOrders: 0, executions: 0 };
  let executed = 0;
  let wanted: { readonly quantity: number; readonly reached: () => void } | undefined;
  const components = [
    opening.use(
      await openManager(url, failure.reject, (quantity, count) => {
        had.executions += count;
        executed += quantity;
        if (wanted !== undefined && executed >= wanted.quantity) wanted.reached();
      }),
    ),
    opening.use(
      await openAlgorithm(url, failure.reject, (exchangeOrders) => {
        had.exchangeOrders += exchangeOrders;
      }),
    ),
    opening.use(await openSender(url, venue, failure.reject)),
  ];
  const redis = new Redis(url, { protocol: 2 });
  opening.defer(async () => void (await redis.quit()));
  const opened = opening.move();
  return {
    had,
    place: (orders) => place(redis, orders),
    whenExecuted: async (quantity) => {
      const reached = Promise.withResolvers<void>();
      wanted = { quantity, reached: reached.resolve };
      if (executed >= quantity) reached.resolve();
      await Promise.race([reached.promise, failure.promise]);
      if (executed !== quantity) throw new Error(`${executed} of ${quantity} shares were executed`);
      for (const component of components) await component.settled();
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

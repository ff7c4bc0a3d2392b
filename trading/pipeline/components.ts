/** Runs the three components in one process, each with a backbone of its own, as separate services have. */

import {
  type Backbone,
  type Component,
  connectBackbone,
  type Log,
  type ServersPlace,
  type TlsOptions,
} from "throughline";
import { createAlgorithm } from "../../consumers/algorithm/algorithm.ts";
import { createOrderSender, createSimulatedExchange, openRedisBook } from "../../consumers/order-sender/index.ts";
import { createOrderManager } from "../../producers/order-manager/index.ts";
import { tradingPartitions } from "../domain/index.ts";
import type { ExchangeTotals } from "./conservation.ts";

export interface ComponentsOptions extends ServersPlace {
  /** The Order Manager's backbone; its opener closes it. The other components get their own. */
  readonly backbone: Backbone;
  readonly tls?: TlsOptions;
  readonly namespace: string;
  /** Default: trading's own count. */
  readonly partitions?: { readonly ifNew: number };
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly exchange: { readonly seed: string; readonly rejectRate: number };
}

/** The running components. Their disposal drains them and closes the backbones that were opened for them. */
export interface Components extends AsyncDisposable {
  /** Rejects when a component ends by an error; never resolves. */
  readonly failed: Promise<never>;
  /** Resolves when all orders placed before the call are executed or rejected, and their records are kept. */
  whenIdle(): Promise<void>;
  /** Stops reading, finishes the deliveries in flight, and resolves when drained. */
  drain(): Promise<void>;
  /** The totals of the exchange's own book. */
  exchangeTotals(): Promise<ExchangeTotals>;
}

/** Short, so that a person who watches still sees the next run take over the deliveries of a run that was killed. */
const component = { takeoverAfterMs: 5_000 };

export async function startComponents(options: ComponentsOptions): Promise<Components> {
  const { backbone, url, cluster, sentinel, tls, namespace, log, signal, exchange } = options;
  const { partitions = { ifNew: tradingPartitions } } = options;
  const servers = { url, cluster, sentinel };
  const where = { ...servers, ...(tls && { tls }), namespace, partitions, log, signal };
  await using opening = new AsyncDisposableStack();
  const connect = async (): Promise<Backbone> => opening.use(await connectBackbone(where));
  const book = opening.use(openRedisBook(servers, namespace, tls));
  const manager = createOrderManager(backbone, { component });
  const algorithm = createAlgorithm(await connect(), { component });
  const sender = createOrderSender(await connect(), createSimulatedExchange(book, exchange), { component });
  const components: readonly Component[] = [manager, algorithm, sender];

  const running = components.map((component) => component.run());
  const failed = Promise.race(running.map((run) => run.then(() => new Promise<never>(() => undefined))));
  failed.catch(() => undefined); // a caller who awaits it is told
  const drain = async (): Promise<void> => {
    await Promise.all(components.map((component) => component.drain()));
    await Promise.all(running);
  };
  // Backbones are closed after their components have drained, in the reverse order of this stack.
  opening.defer(async () => void (await drain().catch(() => undefined)));
  const opened = opening.move();
  return {
    failed,
    drain,
    whenIdle: async () => {
      // The order of the flow: when all client orders are netted no exchange orders come; when all of these are sent no
      // reports come.
      await algorithm.whenIdle();
      await sender.whenIdle();
      await algorithm.whenIdle();
      await manager.whenIdle();
    },
    exchangeTotals: () => book.totals(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

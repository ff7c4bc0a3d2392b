/** Runs the three components in one process, each with a backbone of its own, as separate services have. */

import { setTimeout } from "node:timers/promises";
import {
  type Backbone,
  type Component,
  ConfigError,
  connectBackbone,
  type Log,
  type ServersPlace,
  type TlsOptions,
} from "throughline";
import { createAlgorithm } from "../../consumers/algorithm/algorithm.ts";
import { createOrderSender, positionOf } from "../../consumers/order-sender/index.ts";
import { createOrderManager } from "../../producers/order-manager/index.ts";
import { tradingPartitions, type VenueTotals } from "../domain/index.ts";
import type { ProvidedVenue } from "./venue-process.ts";

export interface ComponentsOptions extends ServersPlace {
  /** The Order Manager's backbone; its opener closes it. The other components get their own. */
  readonly backbone: Backbone;
  readonly tls?: TlsOptions;
  readonly namespace: string;
  /** Default: trading's own count. */
  readonly partitions?: { readonly ifNew: number };
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly venue: Pick<ProvidedVenue, "address" | "book">;
}

/** The running components. Their disposal drains them and closes the backbones that were opened for them. */
export interface Components extends AsyncDisposable {
  /** Rejects when a component ends by an error; never resolves. */
  readonly failed: Promise<never>;
  /**
   * Resolves when nothing of the orders that were placed before the call is open, at the venue neither, and their records are kept.
   */
  whenIdle(): Promise<void>;
  /** Stops reading, finishes the deliveries in flight, and resolves when drained. */
  drain(): Promise<void>;
  /** The totals of the venue's own book. */
  venueTotals(): Promise<VenueTotals>;
}

/** Short, so that a person who watches still sees the next run take over the deliveries of a run that was killed. */
const component = { takeoverAfterMs: 5_000 };

/** Between two looks at the venue, ms. */
const lookAgainMs = 20;

export async function startComponents(options: ComponentsOptions): Promise<Components> {
  const { backbone, url, cluster, sentinel, tls, namespace, log, signal, venue } = options;
  const { partitions = { ifNew: tradingPartitions } } = options;
  const where = { url, cluster, sentinel, ...(tls && { tls }), namespace, partitions, log, signal };
  await refuseOtherJournal(backbone, venue);
  await using opening = new AsyncDisposableStack();
  const connect = async (): Promise<Backbone> => opening.use(await connectBackbone(where));
  const manager = createOrderManager(backbone, { component });
  const algorithm = createAlgorithm(await connect(), { component });
  const sender = createOrderSender(await connect(), { venues: [venue.address], component, log });
  const components: readonly Component[] = [manager, algorithm, sender.component];

  const running = [manager.run(), algorithm.run(), sender.run()];
  const failed = Promise.race(running.map((run) => run.then(() => new Promise<never>(() => undefined))));
  failed.catch(() => undefined); // a caller who awaits it is told
  const drain = async (): Promise<void> => {
    await Promise.all(components.map((component) => component.drain()));
    await Promise.all(running);
  };
  // Backbones are closed after their components have drained, in the reverse order of this stack.
  opening.defer(async () => void (await drain().catch(() => undefined)));
  const opened = opening.move();
  /** All that the venue has said is in the log and handled, and nothing is open there. */
  const isDone = async (): Promise<boolean> => {
    const before = await venue.book(namespace);
    if (before.open > 0 || (await reportsRead(backbone, venue)) < before.reports) return false;
    // The order of the flow: when all reports are handled no fills come; when these are applied no cancels of theirs come.
    await sender.component.whenIdle();
    await algorithm.whenIdle();
    await sender.component.whenIdle();
    const after = await venue.book(namespace);
    return after.open === 0 && after.reports === before.reports;
  };
  return {
    failed,
    drain,
    whenIdle: async () => {
      // When all client orders are netted no exchange orders come; when all of these are sent the venue has them.
      await algorithm.whenIdle();
      await sender.component.whenIdle();
      while (!(await isDone())) await setTimeout(lookAgainMs);
      await manager.whenIdle();
    },
    venueTotals: () => venue.book(namespace),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

type SourcePosition = { readonly journal?: string; readonly number: number };

async function positionsOf(backbone: Pick<Backbone, "status">, venue: string): Promise<readonly SourcePosition[]> {
  const { sources } = await backbone.status();
  return sources
    .filter(({ source }) => source === `venue-${venue}`)
    .map(({ position }) => positionOf(position ?? undefined));
}

/** How many of the venue's reports are in the log. */
async function reportsRead(
  backbone: Pick<Backbone, "status">,
  { address }: Pick<ProvidedVenue, "address">,
): Promise<number> {
  return (await positionsOf(backbone, address.name)).reduce((sum, { number }) => sum + number, 0);
}

/** @throws {ConfigError} where the log has reports of another journal than the venue's: the two do not belong together */
async function refuseOtherJournal(backbone: Backbone, venue: Pick<ProvidedVenue, "address" | "book">): Promise<void> {
  const { journal } = await venue.book(backbone.namespace);
  const positions = await positionsOf(backbone, venue.address.name);
  const other = positions.find((position) => position.journal !== undefined && position.journal !== journal);
  if (other === undefined) return;
  throw new ConfigError(
    `namespace "${backbone.namespace}" has reports of a venue whose journal is ${other.journal}, and this run's venue has journal ${journal}: ` +
      "run it where that one is, or start with --fresh",
  );
}

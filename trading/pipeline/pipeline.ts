/** One run of the order pipeline: Redis, the venue, the three components, orders in, the books, one order's journey. */

import { once } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Observer, ObserverOptions } from "throughline";
import {
  type Backbone,
  ConfigError,
  connectBackbone,
  type Log,
  openObserver,
  renderJourney,
  tlsFromEnv,
} from "throughline";
import { type Console, serveConsole } from "throughline/console";
import { isGivenRedis, provideRedis } from "throughline/testing";
import { startGateway } from "../../producers/order-manager/index.ts";
import { clientOrderEventId, tradingPartitions } from "../domain/index.ts";
import { type Components, startComponents } from "./components.ts";
import { type Feed, startFeed } from "./feed.ts";
import { type Ledger, ordersOfRun, type Positions, readLedger, readPositions } from "./ledger.ts";
import { checkOptions, type PipelineOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { watchQuantity } from "./quantity-watch.ts";
import { type Summary, summarise } from "./summary.ts";
import { provideVenue } from "./venue-process.ts";

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly progress: Progress;
  /** Ends the run: it takes no more orders, and gives those in the pipeline some time to finish. */
  readonly signal: AbortSignal;
  /** The width of the journey, columns. */
  readonly width: number;
}

export interface PipelineResult {
  readonly summary: Summary;
  /** The journey of one order of this run as a tree; undefined when it had none. */
  readonly journey: string | undefined;
}

/** The directories of the private Redis's and of the venue's data, from the working directory. */
const redisDirectory = ".throughline/redis";
const clusterDirectory = ".throughline/cluster";
/** Four on each primary. */
const clusterPartitions = 12;
const venueDirectory = ".throughline/venue";

/** Most executions of the order whose journey is printed. */
const maxShown = 4;

/** Longest time after the signal for the pipeline to finish its orders, ms. */
const finishMs = 10_000;

/**
 * Runs the pipeline.
 * @throws {ConfigError} before anything is started, when the options cannot be used
 * @throws the errors of Redis and of the components
 */
export async function runPipeline(options: PipelineOptions, surroundings: Surroundings): Promise<PipelineResult> {
  const { env, log, progress, signal } = surroundings;
  const path = await checkOptions(options, env);
  const venueStarts = provideVenue({
    directory: options.data === undefined ? venueDirectory : join(options.data, "venue"),
    // A given Redis is not emptied: a run that starts empty there has another namespace, which is another client of the venue.
    fresh: options.fresh && !isGivenRedis(env),
    seed: options.seed,
    rejectRate: options.rejectRate,
  });
  venueStarts.catch(() => undefined); // awaited below
  await using _venue = {
    [Symbol.asyncDispose]: async () => (await venueStarts.catch(() => undefined))?.[Symbol.asyncDispose](),
  };
  await using redis = await provideRedis({
    env,
    directory: options.data ?? (options.cluster === true ? clusterDirectory : redisDirectory),
    cluster: options.cluster === true,
    fresh: options.fresh,
    say: progress.say,
  });
  progress.say(`Redis: ${redis.description}`);
  const namespace = redis.isGiven && options.fresh ? freshNamespace(options.namespace) : options.namespace;
  if (namespace !== options.namespace) progress.say(`Its data stays: this run starts empty as namespace ${namespace}.`);

  const tls = redis.isGiven ? tlsFromEnv(env) : undefined;
  const where = { ...redis.servers, ...(tls && { tls }), namespace, log };
  const partitions = { ifNew: options.cluster === true ? clusterPartitions : tradingPartitions };
  await using backbone = await connectBackbone({ ...where, partitions, signal }); // waits for a Redis that is away
  await using observer = openObserver(where);
  const since = await readPositions(observer);
  const venue = await venueStarts;
  progress.say(`Venue: a process of its own at ${venue.address.url}`);
  await using components = await startComponents({ ...where, partitions, backbone, signal, venue });
  const ended = new AbortController();
  // A run that fails takes no more orders either.
  using _stopFeed = { [Symbol.dispose]: () => ended.abort() };
  const feedOptions = { ...options, say: progress.say, signal: AbortSignal.any([signal, ended.signal]) };
  const feed =
    path === undefined ? undefined : startFeed(backbone, { ...feedOptions, path, since: since["client-orders"] });
  await Promise.race([
    work(options, surroundings, { where, backbone, components, observer, since, feed }),
    components.failed,
    redis.died,
    venue.died,
  ]);

  const ledger = await readLedger(observer, since);
  const summary = summarise({
    ledger,
    since,
    exchange: await components.venueTotals(),
    interrupted: signal.aborted && !options.serve,
    deadLetters: await countDeadLetters(observer),
    feed,
  });
  return { summary, journey: await findStory(observer, ledger, feed, since, surroundings.width) };
}

interface RunningParts {
  readonly where: ObserverOptions;
  readonly backbone: Backbone;
  readonly components: Components;
  readonly observer: Observer;
  readonly since: Positions;
  readonly feed: Feed | undefined;
}

/**
 * Resolves when all orders are in and done, or the signal and its time have passed, and the components have drained.
 */
async function work(
  options: PipelineOptions,
  { log, progress, signal }: Surroundings,
  { where, backbone, components, observer, since, feed }: RunningParts,
): Promise<void> {
  const done = new AbortController();
  const watching = watchQuantity(observer, { since, feed, progress, signal: done.signal });
  try {
    if (options.serve) {
      await using gateway = await startGateway(backbone, {
        host: options.host ?? "127.0.0.1",
        port: options.port ?? 8_080,
        allowedHosts: options.allowedHosts ?? [],
        log,
      });
      await using console = await openConsole(options, where);
      progress.say(`The console is at ${console.url}`);
      progress.say(`Orders are taken at ${gateway.url} until Ctrl-C.`);
      await Promise.all([feed?.done, aborted(signal)]);
      await finish(components, signal);
    } else {
      await feed?.done;
      await finish(components, signal);
    }
    await components.drain();
  } finally {
    done.abort();
    await watching;
  }
}

/** The console, with the handlers of all components. Where another program has its usual port, it takes a free one. */
async function openConsole({ consolePort, allowActions }: PipelineOptions, where: ObserverOptions): Promise<Console> {
  const options = {
    ...where,
    allowActions,
    loadComponents: async () => (await import("./plug-in.ts")).extension.components ?? {},
    loadChannels: async () => (await import("./plug-in.ts")).extension.channels ?? [],
  };
  if (consolePort !== undefined) return serveConsole({ ...options, port: consolePort });
  return serveConsole(options).catch((error: unknown) => {
    if (error instanceof ConfigError && /EADDRINUSE/.test(error.message)) return serveConsole({ ...options, port: 0 });
    throw error;
  });
}

/** Waits until the pipeline is idle; once the signal has aborted, no longer than `finishMs`. */
async function finish(components: Components, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const timeIsUp = async (): Promise<void> => {
    if (!signal.aborted) await once(signal, "abort", { signal: done.signal });
    await setTimeout(finishMs, undefined, { signal: done.signal });
  };
  try {
    await Promise.race([components.whenIdle(), timeIsUp()]);
  } finally {
    done.abort();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

/** A namespace of its own: a given Redis is not ours to empty. */
function freshNamespace(namespace: string): string {
  return `${namespace}-${Date.now().toString(36)}`;
}

async function countDeadLetters(observer: Observer): Promise<number> {
  const { components } = await observer.status();
  return components.flatMap((component) => component.channels).reduce((sum, channel) => sum + channel.deadLetters, 0);
}

/** Finds the order with the richest story that fits on a page, and renders its journey. */
async function findStory(
  observer: Observer,
  ledger: Ledger,
  feed: Feed | undefined,
  since: Positions,
  width: number,
): Promise<string | undefined> {
  let chosen: { readonly key: string; readonly executions: number } | undefined;
  for (const [key, { executions }] of ordersOfRun(ledger, feed?.keys, since)) {
    if (executions <= maxShown && executions > (chosen?.executions ?? 0)) chosen = { key, executions };
  }
  if (chosen === undefined) return undefined;
  const [userId = "", id = ""] = chosen.key.split(":");
  return renderJourney(await observer.journey(clientOrderEventId({ userId, id })), width);
}

/** A soak: the trading pipeline under load, faults by a schedule, and a check of the whole result at the end. */

import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { type BackboneStatus, connectBackbone, ThroughlineError } from "../../src/index.ts";
import { type PrivateRedis, startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { silentLog } from "../../src/ports/log.ts";
import { Keys } from "../../src/redis/keys.ts";
import { tradingPartitions } from "../../trading/domain/index.ts";
import { startPipe } from "../support/pipe.ts";
import { startProxy } from "../support/proxy.ts";
import { startVenueProcess, type VenueProcess } from "../trading/venue/venue-process.ts";
import { Desk, type DeskCounts } from "./desk.ts";
import { type Appendfsync, Faults, setAppendfsync } from "./faults.ts";
import { Feed, type FeedCounts, publishTimeoutMs } from "./feed.ts";
import { describeFault, type Fault, planFaults } from "./schedule.ts";
import { slowFsyncs } from "./slow-fsync.ts";
import { judge, soakedChannels, type Verdict } from "./verdict.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: string;
  readonly rate: number;
  readonly appendfsync: Appendfsync;
  /** Redis's fsyncs take 1.5 s longer, so that a kill does lose something with `everysec`. */
  readonly slowFsync: boolean;
}

export interface SoakSurroundings {
  readonly say: (line: string) => void;
  /** Ends the faults and the orders early; what is in the pipeline is still finished and checked. */
  readonly signal: AbortSignal;
}

export interface SoakResult extends Verdict {
  readonly durationMs: number;
  /** Number of faults carried out, by kind. */
  readonly faults: ReadonlyMap<Fault["kind"], number>;
  readonly feed: FeedCounts;
  readonly desk: DeskCounts;
  /** From the last fault until nothing was unfinished. */
  readonly drainMs: number;
  readonly logs: ReadonlyMap<string, string>;
}

const namespace = "soak";
/** Longest wait for unfinished work, ms: what is unfinished by then will never be finished. */
const drainWithinMs = 120_000;
const tellEveryMs = 60_000;

export async function soak(options: SoakOptions, surroundings: SoakSurroundings): Promise<SoakResult> {
  const { minutes, seed, rate, appendfsync } = options;
  const { say, signal } = surroundings;
  const planned = planFaults(seed, minutes * 60_000);
  await using _slow = options.slowFsync ? await slowFsyncs() : undefined;
  await using redis = await startPrivateRedis({ say });
  await using proxy = await startProxy(redis.url);
  await using venue = await startVenueProcess(["--latency-ms", "20", "--reject-rate", "0.05"]);
  await using sessions = await startPipe(venue.url.slice("ws://".length));
  const where = { namespace, log: silentLog };
  await using clients = await connectBackbone({
    ...where,
    url: proxy.url,
    publishTimeoutMs,
    partitions: { ifNew: tradingPartitions },
  });
  await using desk = new Desk({ redisUrl: proxy.url, venueUrl: `ws://${sessions.address}`, namespace });
  const client = new Redis(redis.url, { protocol: 2, maxRetriesPerRequest: null });
  client.on("error", () => undefined); // Redis is killed on purpose
  using _client = { [Symbol.dispose]: () => client.disconnect() };
  await setAppendfsync(client, appendfsync);
  signal.addEventListener("abort", () => desk.interrupted(), { once: true });

  say(
    `${redis.description}, appendfsync ${appendfsync}, ${planned.length} faults in ${minutes} minutes, ${rate} orders/s`,
  );
  await desk.open();
  const beganAt = performance.now();
  const feed = new Feed(clients, seed, rate);
  const faults = new Map<Fault["kind"], number>();
  const keys = new Keys(namespace);
  const streams = new Map(
    soakedChannels.flatMap((channel) =>
      Array.from({ length: tradingPartitions }, (_, partition) => [keys.stream(partition, channel), channel] as const),
    ),
  );
  const faulty = new Faults({ desk, redis, proxy, venue, sessions, client, appendfsync, streams });
  const telling = setInterval(() => say(`${clock(beganAt)}  … ${feed.counts.placed} orders placed`), tellEveryMs);
  const striking: Promise<void>[] = [];
  for (const { atMs, fault } of [...planned, undefined].map(
    (one) => one ?? { atMs: minutes * 60_000, fault: undefined },
  )) {
    const waitMs = atMs - (performance.now() - beganAt);
    await delay(Math.max(0, waitMs), undefined, { signal }).catch(() => undefined);
    if (signal.aborted || fault === undefined) break;
    say(`${clock(beganAt)}  ${describeFault(fault)}`);
    faults.set(fault.kind, (faults.get(fault.kind) ?? 0) + 1);
    striking.push(faulty.strike(fault));
  }
  clearInterval(telling);
  await Promise.all(striking);
  const durationMs = performance.now() - beganAt;
  say(`${clock(beganAt)}  the last fault is over; finishing what is in the pipeline`);
  const drainingSince = performance.now();
  await feed.end();
  const drained = await whenDrained(redis, venue);
  const drainMs = performance.now() - drainingSince;
  await desk.close();

  await using backbone = await connectBackbone({ ...where, url: redis.url });
  const { breaches, ...verdict } = await judge(
    { backbone, venue: await venue.totals(namespace), client, feed, losses: faulty.losses },
    drained === undefined,
  );
  return {
    ...verdict,
    breaches: [...(drained === undefined ? [] : [drained]), ...desk.breaches, ...breaches],
    durationMs,
    drainMs,
    faults,
    feed: feed.counts,
    desk: desk.counts,
    logs: desk.logs,
  };
}

/** Resolves with undefined when nothing is unfinished, or with the unfinished work. */
async function whenDrained({ url }: PrivateRedis, venue: VenueProcess): Promise<string | undefined> {
  await using backbone = await connectBackbone({ url, namespace, log: silentLog });
  const deadline = performance.now() + drainWithinMs;
  let before = "";
  for (;;) {
    let unfinished: string;
    try {
      const status = await backbone.status();
      const { open } = await venue.totals(namespace);
      unfinished = open > 0 ? `${open} shares rest at the venue` : unfinishedIn(status);
      // Two equal looks are needed: during one look, an event may move from a part not read yet to a part already read.
      const now = `${unfinished} ${status.channels.map(({ lastEntryId }) => lastEntryId).join(" ")}`;
      if (unfinished === "" && now === before) return undefined;
      before = now;
    } catch (error) {
      if (!(error instanceof ThroughlineError)) throw error;
      unfinished = error.message;
    }
    if (performance.now() > deadline)
      return `not finished ${drainWithinMs / 1_000} s after the last fault: ${unfinished}`;
    await delay(100);
  }
}

function unfinishedIn({ components }: BackboneStatus): string {
  return components
    .flatMap(({ component, channels }) =>
      channels.flatMap(({ channel, lagEntries, pending, parked }) =>
        lagEntries + pending + parked === 0
          ? []
          : [`${component} on ${channel}: ${lagEntries} unread, ${pending} pending, ${parked} parked`],
      ),
    )
    .join("; ");
}

/** Time since the beginning, for the lines of the schedule. */
function clock(beganAt: number): string {
  return `${((performance.now() - beganAt) / 1_000).toFixed(1).padStart(7)} s`;
}

/** The schedule is what a soak tells; that Redis is away is no news. */

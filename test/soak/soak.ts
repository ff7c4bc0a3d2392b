/** A soak: the trading pipeline under load, faults by a schedule, and a check of the whole result at the end. */

import { setTimeout as delay } from "node:timers/promises";
import {
  type BackboneStatus,
  connectBackbone,
  type Log,
  openOwner,
  type ServersPlace,
  ThroughlineError,
} from "../../src/index.ts";
import { silentLog } from "../../src/ports/log.ts";
import { startPipe } from "../support/pipe.ts";
import { startVenueProcess, VenueAwayError, type VenueProcess } from "../trading/venue/venue-process.ts";
import { Desk, type DeskCounts, saysLost } from "./desk.ts";
import { Feed, type FeedCounts, publishTimeoutMs } from "./feed.ts";
import { describeFault, type Fault, planClusterFaults, planFaults } from "./schedule.ts";
import { openCluster, openServer, type StageOptions } from "./stage.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface SoakOptions extends StageOptions {
  readonly minutes: number;
  readonly seed: string;
  readonly rate: number;
  /** On a cluster of three primaries with a replica each, and with faults of its nodes. */
  readonly cluster: boolean;
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
  /** Losses by Redis itself that were noted. */
  readonly losses: number;
}

const namespace = "soak";
/** Longest time without progress in what is unfinished, ms: what stands still for so long will never be finished. */
const stillForMs = 60_000;
/** Longest time for all of it, ms. */
const drainWithinMs = 900_000;
const tellEveryMs = 60_000;

export async function soak(options: SoakOptions, surroundings: SoakSurroundings): Promise<SoakResult> {
  const { minutes, seed, rate } = options;
  const { say, signal } = surroundings;
  const planned = (options.cluster ? planClusterFaults : planFaults)(seed, minutes * 60_000);
  await using stage = await (options.cluster ? openCluster : openServer)(options, namespace, say);
  const { client, partitions } = stage;
  await using venue = await startVenueProcess(["--latency-ms", "20", "--reject-rate", "0.05"]);
  await using sessions = await startPipe(venue.url.slice("ws://".length));
  {
    // Before the processes, which would make a namespace of their own number of partitions.
    await using owner = openOwner({ ...stage.servers, namespace });
    await owner.prepare({ partitions });
  }
  let saidByClients = 0;
  const log: Log = { ...silentLog, error: (_fields, text) => void (saysLost(text) && saidByClients++) };
  await using clients = await connectBackbone({ ...stage.reached, namespace, log, publishTimeoutMs });
  await using desk = new Desk({
    servers: stage.env,
    venueUrl: `ws://${sessions.address}`,
    namespace,
    confirmed: options.confirmed,
  });
  signal.addEventListener("abort", () => desk.interrupted(), { once: true });

  say(`${stage.description}, ${planned.length} faults in ${minutes} minutes, ${rate} orders/s`);
  await desk.open();
  const beganAt = performance.now();
  const feed = new Feed(clients, { seed, rate, partitions });
  const faults = new Map<Fault["kind"], number>();
  const faulty = stage.faultsOn({ desk, venue, sessions });
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
  const drained = await whenDrained(stage.servers, venue);
  const drainMs = performance.now() - drainingSince;
  await desk.close();

  await using backbone = await connectBackbone({ ...stage.servers, namespace, log: silentLog });
  const { breaches, ...verdict } = await judge(
    { backbone, venue: await venue.totals(namespace), client, partitions, feed, losses: faulty.losses },
    drained === undefined,
  );
  const counts = { ...desk.counts, goneBack: desk.counts.goneBack + saidByClients };
  const silent =
    verdict.lostByRedis > 0 && counts.goneBack === 0
      ? [`${verdict.lostByRedis} acknowledged orders are lost, and nobody has said that a server had gone back`]
      : [];
  return {
    ...verdict,
    breaches: [...(drained === undefined ? [] : [drained]), ...silent, ...desk.breaches, ...breaches],
    durationMs,
    drainMs,
    faults,
    feed: feed.counts,
    desk: counts,
    logs: desk.logs,
    losses: faulty.losses.length,
  };
}

/** Resolves with undefined when nothing is unfinished, or with the unfinished work. */
async function whenDrained(servers: ServersPlace, venue: VenueProcess): Promise<string | undefined> {
  await using backbone = await connectBackbone({ ...servers, namespace, log: silentLog });
  const beganAt = performance.now();
  let movedAt = beganAt;
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
      if (now !== before) movedAt = performance.now();
      before = now;
    } catch (error) {
      if (!(error instanceof ThroughlineError || error instanceof VenueAwayError)) throw error;
      unfinished = error.message;
    }
    const at = performance.now();
    if (at - movedAt > stillForMs || at - beganAt > drainWithinMs)
      return `not finished ${Math.round((at - beganAt) / 1_000)} s after the last fault, ${Math.round((at - movedAt) / 1_000)} s after the last progress: ${unfinished}`;
    await delay(100);
  }
}

function unfinishedIn({ components }: BackboneStatus): string {
  return components
    .flatMap(({ component, channels, relays }) => [
      ...relays.map(({ to, outputs }) => `${component}: ${outputs} to be moved to partition ${to}`),
      ...channels.flatMap(({ channel, lagEntries, pending, parked }) =>
        lagEntries + pending + parked === 0
          ? []
          : [`${component} on ${channel}: ${lagEntries} unread, ${pending} pending, ${parked} parked`],
      ),
    ])
    .join("; ");
}

/** Time since the beginning, for the lines of the schedule. */
function clock(beganAt: number): string {
  return `${((performance.now() - beganAt) / 1_000).toFixed(1).padStart(7)} s`;
}

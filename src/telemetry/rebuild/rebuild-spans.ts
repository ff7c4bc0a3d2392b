/** Rebuilds the spans of a stretch of the log, and exports those that are wanted. */

import { setTimeout } from "node:timers/promises";
import { readSettlements } from "../../inspect/settlement-reader.ts";
import { unused } from "../../inspect/status/status.ts";
import { EntryCache } from "../../inspect/windows/entry-cache.ts";
import { type LogWindow, readWindows } from "../../inspect/windows/log-windows.ts";
import type { Channel } from "../../model/channel.ts";
import { timeOf } from "../../model/envelope.ts";
import type { Inspector } from "../../ports/inspect.ts";
import type { Log } from "../../ports/log.ts";
import type { ServerAddress } from "../../tracing/attributes.ts";
import { resolveLimits } from "../../tracing/carrier.ts";
import { LoggedDelivery } from "../../tracing/rebuild/logged-delivery.ts";
import { outputLeadMs, SpanRebuilder, type Untold } from "../../tracing/rebuild/rebuilder.ts";
import type { TimedSource } from "../../tracing/rebuild/rebuilt-call.ts";
import type { Opening, Place } from "../../tracing/sdk.ts";
import { SpanOpener } from "../../tracing/span-opener.ts";
import { ratioRule } from "../setup/root-rule.ts";
import type { EndedSpan } from "../spans/ended-span.ts";
import { LeanSpans } from "../spans/span-source.ts";

/** Takes a span and the service that it is of. */
export type TakeSpan = (span: EndedSpan, service: string) => void;

export interface RebuildOptions {
  readonly inspector: Inspector;
  readonly channels: readonly Channel<unknown>[];
  readonly server: ServerAddress;
  readonly log: Log;
  /** Both included, epoch ms. Spans of what was appended or settled then. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the service that spans have which no component in the log has made. */
  readonly publisher: string;
  /** Share of the traces that an attempt at an untraced entry begins, which were sampled live. */
  readonly ratio: number;
  readonly take: TakeSpan;
  /** False of a trace that nobody wants; default: all are wanted. */
  readonly wants?: (traceId: string) => boolean;
  /** Called after each window, once its spans are taken. */
  readonly onWindow: (window: LogWindow) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** True: a parent that is none of the backbone's is believed. */
  readonly outside?: boolean;
  /** Goes on with what is appended and settled later, until `signal` aborts. */
  readonly follow?: boolean;
}

export interface Rebuilt {
  readonly untold: Untold;
  /** Components of which the log has no settlement in this time. */
  readonly silent: readonly string[];
}

/** A source of spans with the times of the log. */
class LoggedSpans implements TimedSource {
  readonly followsStories = true;
  startMs = 0;
  isForced = false;
  readonly #spans: LeanSpans;

  constructor(ratio: number, ended: (span: EndedSpan) => void) {
    const rule = ratioRule(ratio);
    this.#spans = new LeanSpans(
      (bytes, at) => this.isForced || rule(bytes, at),
      ended,
      () => this.startMs,
    );
  }

  decline(place: Place): ReturnType<LeanSpans["decline"]> {
    return this.#spans.decline(place);
  }

  open(opening: Opening): ReturnType<LeanSpans["open"]> {
    return this.#spans.open(opening);
  }
}

/** Reads on until `toMs`. Memory: a window, and what was read last. @throws {ConfigError} where nothing has used the namespace. @throws {StoreError} */
export async function rebuildSpans(options: RebuildOptions): Promise<Rebuilt> {
  const { inspector, channels, server, log, fromMs, toMs, publisher, ratio, take, onWindow, signal } = options;
  const catalogue = await inspector.catalogue();
  if (catalogue === undefined) throw unused(inspector.namespace);
  let service = publisher;
  const source = new LoggedSpans(ratio, (span) => {
    if (!rebuilder.isMuted) take(span, service);
  });
  const opener = new SpanOpener(log, server, Date.now, resolveLimits({}), inspector.namespace);
  const isFollowing = options.follow === true;
  const rebuilder: SpanRebuilder = new SpanRebuilder({
    fromMs,
    toMs: isFollowing ? Number.POSITIVE_INFINITY : toMs,
    opener,
    source,
    cache: new EntryCache(inspector, (entry) => new LoggedDelivery(entry)),
    channels: new Map(channels.map((channel) => [channel.name, channel])),
    wants: options.wants,
    outside: options.outside === true,
    onComponent: (component) => {
      service = component ?? publisher;
    },
  });
  const firstMs = Math.max(0, fromMs - warmUpMs);
  const components = [...catalogue.components.keys()];
  const silent = new Set(components);
  for (const component of components) await findOwners(inspector, rebuilder, component, firstMs);
  const { partitions } = catalogue;
  let place = { channels: catalogue.channels, components, partitions, ...(signal && { signal }) };
  for (let [from, to] = [firstMs, isFollowing ? toMs : toMs + outputLeadMs]; ; ) {
    for await (const window of readWindows(inspector, { ...place, fromMs: from, toMs: to })) {
      for (const { component, entryId } of window.settlements)
        if (isFollowing || timeOf(entryId) <= toMs) silent.delete(component);
      const toldMs = await rebuilder.tell(window);
      await onWindow({ ...window, toMs: toldMs });
    }
    // What was read when it was interrupted may be without its settlement.
    if (signal?.aborted !== true) await rebuilder.tellAppended(to - outputLeadMs);
    if (!isFollowing) break;
    from = Math.max(from, to + 1);
    for (to = 0; to < from && signal?.aborted !== true; to = (await inspector.now()) - behindMs)
      await setTimeout(pollMs, undefined, { signal }).catch(() => undefined);
    if (signal?.aborted === true) break;
    // Channels and components may come later.
    const now = (await inspector.catalogue()) ?? catalogue;
    place = { ...place, channels: now.channels, components: [...now.components.keys()] };
    await onWindow({ entries: [], settlements: [], toMs: to - outputLeadMs });
  }
  return { untold: rebuilder.untold, silent: [...silent] };
}

/** Who owned a component's partitions when the stretch begins: notes name the owner now and then, so that earlier ones are looked at. */
async function findOwners(
  inspector: Inspector,
  rebuilder: SpanRebuilder,
  component: string,
  fromMs: number,
): Promise<void> {
  if (fromMs <= 0) return;
  const partitions = (await inspector.catalogue())?.partitions ?? 1;
  for (const beforeMs of lookBackMs) {
    const owned = new Set<number>();
    const range = { from: String(Math.max(0, fromMs - beforeMs)), to: String(fromMs - 1) };
    for await (const settlement of readSettlements(inspector, component, range)) {
      rebuilder.own(settlement);
      if (settlement.owner !== undefined) owned.add(settlement.partition);
    }
    if (owned.size >= partitions || beforeMs >= fromMs) return;
  }
}

/** What happened so long before the stretch is read, too, ms: most retries come within a minute of the attempt that they link to. */
const warmUpMs = 120_000;
/** How far a follower stays behind the server's clock, so that nothing comes before what it has read; and how often it looks, ms. */
export const behindMs = 1_000;
const pollMs = 500;

const lookBackMs: readonly number[] = [60_000, 3_600_000, Number.MAX_SAFE_INTEGER];

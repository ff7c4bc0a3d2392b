/** `findJourney`: the whole story of one event, from the log alone. */

import { timeOf } from "../../model/envelope.ts";
import type { Inspector } from "../../ports/inspect.ts";
import { type JourneyTree, journeyTree } from "../journey-tree.ts";
import { unused } from "../status/status.ts";
import { readStandings } from "./component-progress.ts";
import { parseQuery } from "./query.ts";
import { findRelatives } from "./relatives.ts";
import { findReplayed } from "./replayed-events.ts";
import { storyOf } from "./story.ts";

/** The story of one event. Plain JSON, the same as `throughline journey --json` prints. Times are epoch ms. */
export interface Journey extends JourneyTree {
  readonly query: string;
  readonly namespace: string;
  /** Time of the query, on the server's clock. */
  readonly at: number;
  /** Number of events in the story; 0 where nothing matches. */
  readonly events: number;
  /** Time from the first append to the last, ms. */
  readonly durationMs: number;
  /** Number of descendants left out because they belong to the stories of other events that were handled together with this one. */
  readonly leftOut: number;
  /** Number of further matching events that begin stories of their own. */
  readonly moreMatches: number;
  /** False when the story has more than `maxEvents` events, so that the last ones are missing here. */
  readonly complete: boolean;
}

/** The limits of a search. */
export interface JourneyOptions {
  /** Entry id or epoch ms at which the search for matches begins. Default: the oldest entry. */
  readonly from?: string;
  /** Entry id or epoch ms at which the search ends: later events of the story are left out then. Default: the newest entry. */
  readonly to?: string;
  /** Most matching events that are followed. Default 10. */
  readonly maxMatches?: number;
  /** Most events of the story. Default 5,000. */
  readonly maxEvents?: number;
  /** Ends the search; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Finds the story of an event. `query` is an event id, an entry as `<channel>/<entry id>`, or an attribute: `payment.id=…` of the
 * baggage, or `payload.account=…` of the payload.
 * @throws {ConfigError} when the namespace has not been used. @throws {StoreError}
 */
export async function findJourney(inspector: Inspector, query: string, options: JourneyOptions = {}): Promise<Journey> {
  const catalogue = await inspector.catalogue();
  if (catalogue === undefined) throw unused(inspector.namespace);
  const partitions = Array.from({ length: catalogue.partitions }, (_, i) => i);
  const streams = partitions.flatMap((partition) => catalogue.channels.map((channel) => ({ channel, partition })));
  const relatives = await findRelatives(inspector, streams, parseQuery(query), {
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    maxAsked: options.maxMatches ?? 10,
    maxEvents: options.maxEvents ?? 5_000,
  });
  const story = storyOf(relatives);
  const entries = [...story.events.values()].map((related) => related.entry);
  const standings = await readStandings(inspector, entries);
  const replays = await findReplayed(inspector, [...story.events.keys()]);
  const appendedAt = entries.map((entry) => timeOf(entry.entryId));
  const asked = new Set(relatives.asked.map((related) => related.id));
  return {
    query,
    namespace: inspector.namespace,
    at: await inspector.now(),
    ...journeyTree(story.beginnings, { asked, standings, replays }),
    events: entries.length,
    durationMs: entries.length === 0 ? 0 : appendedAt.reduce(larger) - appendedAt.reduce(smaller),
    leftOut: story.leftOut,
    moreMatches: relatives.moreAsked,
    complete: relatives.complete,
  };
}

function larger(a: number, b: number): number {
  return Math.max(a, b);
}

function smaller(a: number, b: number): number {
  return Math.min(a, b);
}

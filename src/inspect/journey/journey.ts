/** `findJourney`: one event's whole story, from the log alone. */

import { timeOf } from "../../model/envelope.ts";
import type { Inspector } from "../../ports/inspect.ts";
import { type JourneyTree, journeyTree } from "../journey-tree.ts";
import { unused } from "../status/status.ts";
import { readStandings } from "./component-progress.ts";
import { parseQuery } from "./query.ts";
import { findRelatives } from "./relatives.ts";
import { findReplayed } from "./replayed-events.ts";
import { storyOf } from "./story.ts";

/** Plain JSON, the same as `throughline journey --json` prints. Times are epoch ms. */
export interface Journey extends JourneyTree {
  readonly query: string;
  readonly namespace: string;
  /** When it was looked at, on the server's clock. */
  readonly at: number;
  /** Zero where nothing matches. */
  readonly events: number;
  /** From the first append to the last. */
  readonly durationMs: number;
  /** Descendants that belong to the stories of events which this one's were handled together with. */
  readonly leftOut: number;
  /** Further events that match the query and begin a story of their own. */
  readonly moreMatches: number;
  /** False when the story has more than `maxEvents` events, and the last of them are missing here. */
  readonly complete: boolean;
}

export interface JourneyOptions {
  /** Matches are looked for from this entry id or epoch ms on. Default: the oldest entry. */
  readonly from?: string;
  /** How many matching events are followed. Default 10. */
  readonly maxMatches?: number;
  /** Default 5,000. */
  readonly maxEvents?: number;
}

/**
 * `query` is an event id, a place `<channel>/<entry id>`, or an attribute: `client.order_id=…` by baggage,
 * `payload.userId=…` by a field of the payload.
 * @throws {ConfigError} when the namespace has not been used. @throws {StoreError}
 */
export async function findJourney(inspector: Inspector, query: string, options: JourneyOptions = {}): Promise<Journey> {
  const catalogue = await inspector.catalogue();
  if (catalogue === undefined) throw unused(inspector.namespace);
  const partitions = Array.from({ length: catalogue.partitions }, (_, i) => i);
  const streams = partitions.flatMap((partition) => catalogue.channels.map((channel) => ({ channel, partition })));
  const relatives = await findRelatives(inspector, streams, parseQuery(query), {
    ...(options.from === undefined ? {} : { from: options.from }),
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

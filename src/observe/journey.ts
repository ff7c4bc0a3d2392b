/** `findJourney`: one event's whole story, from the log alone. */

import { timeOf } from "../envelope.ts";
import { type Replayed, replayedOf } from "../replay/mark.ts";
import { type EntryJson, entryJson } from "./entry-json.ts";
import type { Inspector } from "./inspector.ts";
import { parseQuery } from "./query.ts";
import { findRelatives, type Related } from "./relatives.ts";
import { findReplayed, type ReplayedPlace } from "./replayed.ts";
import { placeOf, readStandings, type Standing } from "./standing.ts";
import { unused } from "./status.ts";
import { type StoryNode, storyOf } from "./story.ts";

/** Plain JSON, the same as `throughline journey --json` prints. Times are epoch ms. */
export interface Journey {
  readonly query: string;
  readonly namespace: string;
  /** When it was looked at, on the server's clock. */
  readonly at: number;
  /** Events without a parent in the story, in log order. Empty where nothing matches. */
  readonly beginnings: readonly JourneyNode[];
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

export interface JourneyNode {
  readonly event: EntryJson;
  /** Whether it is an event that was asked for, and not one that led there or came of it. */
  readonly asked: boolean;
  /** From the append of what it was published for to its own; 0 for a beginning. */
  readonly sinceParentMs: number;
  /** From the append of its beginning. */
  readonly sinceBeginningMs: number;
  /** Causes beside its parent, by event id: other events that were netted with it, say. */
  readonly otherCauses: readonly string[];
  /** One for each component that consumes its channel. */
  readonly standings: readonly Standing[];
  /** Places of further entries with the same event id. There should be none. */
  readonly copies: readonly string[];
  /** The run and the original, where the event is a replay's; null where it is not. */
  readonly replayOf: Replayed | null;
  /** Where replays have republished it. */
  readonly replays: readonly ReplayedPlace[];
  readonly children: readonly JourneyNode[];
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
    beginnings: story.beginnings.map((beginning) =>
      toNode(beginning, undefined, beginning.related, { asked, standings, replays }),
    ),
    events: entries.length,
    durationMs: entries.length === 0 ? 0 : appendedAt.reduce(larger) - appendedAt.reduce(smaller),
    leftOut: story.leftOut,
    moreMatches: relatives.moreAsked,
    complete: relatives.complete,
  };
}

/** What is known of the events of a story, by their ids or places. */
interface Known {
  readonly asked: ReadonlySet<string>;
  readonly standings: ReadonlyMap<string, readonly Standing[]>;
  readonly replays: ReadonlyMap<string, readonly ReplayedPlace[]>;
}

function toNode(
  { related, children }: StoryNode,
  parent: Related | undefined,
  beginning: Related,
  known: Known,
): JourneyNode {
  const { asked, standings, replays } = known;
  const at = timeOf(related.entry.entryId);
  return {
    event: entryJson(related.entry),
    asked: asked.has(related.id),
    sinceParentMs: parent === undefined ? 0 : at - timeOf(parent.entry.entryId),
    sinceBeginningMs: at - timeOf(beginning.entry.entryId),
    otherCauses: related.causes.filter((id) => id !== parent?.id),
    standings: standings.get(placeOf(related.entry)) ?? [],
    copies: related.copies,
    replayOf: replayedOf(related.entry.envelope?.causes ?? []) ?? null,
    replays: replays.get(related.id) ?? [],
    children: children.map((child) => toNode(child, related, beginning, known)),
  };
}

function larger(a: number, b: number): number {
  return Math.max(a, b);
}

function smaller(a: number, b: number): number {
  return Math.min(a, b);
}

/** Finds the descendants and ancestors of an event in the log, a bounded page at a time; only related entries stay in memory. */

import { compareIds, isUpTo, millisecondOf } from "../../model/entry-ids.ts";
import { timeOf } from "../../model/envelope.ts";
import { storyCauses } from "../../model/replay-mark.ts";
import type { Inspector, LogStream } from "../../ports/inspect.ts";
import { eventIdOf } from "../entries/entry-json.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";
import { mergedPages } from "../entries/stream-merge.ts";
import type { EventQuery } from "./query.ts";
import { Neighbourhood } from "./same-millisecond.ts";

/** An event that is related to the query's, with its causes by event id. */
export interface Related {
  readonly id: string;
  readonly entry: LogEntry;
  readonly causes: readonly string[];
  /** Further entries with the same event id, as `<channel>/<entry id>`. There should be none. */
  readonly copies: string[];
}

/** A further event that the lineage names as a cause. */
export interface Neighbour {
  readonly entryId: string;
  readonly causes: readonly string[];
}

/** The relatives of the events that match a query. */
export interface Relatives {
  /** Events that match the query, in log order. */
  readonly asked: readonly Related[];
  /** The matching events and all of their descendants, including descendants that belong to other events handled with them. */
  readonly lineage: ReadonlyMap<string, Related>;
  readonly ancestors: ReadonlyMap<string, Related>;
  /** Further events that the lineage names as causes; one that is missing here is no longer in the log. */
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  /** Number of further matching root events, which were not followed. */
  readonly moreAsked: number;
  /** False when the search stopped at `maxEvents`. */
  readonly complete: boolean;
}

/** The limits of a search. */
export interface RelativesOptions {
  /** Entry id or epoch ms at which the search for matches begins. Default: the oldest entry. */
  readonly from?: string;
  /** Entry id or epoch ms at which the search ends. Default: the newest entry. */
  readonly to?: string;
  readonly signal?: AbortSignal;
  readonly maxAsked: number;
  readonly maxEvents: number;
}

/** Searches the streams. @throws {StoreError} */
export async function findRelatives(
  inspector: Inspector,
  streams: readonly LogStream[],
  query: EventQuery,
  options: RelativesOptions,
): Promise<Relatives> {
  const search = new Search(inspector, streams, query, options);
  await search.run();
  return search;
}

/**
 * A search in two passes. A child is appended after its parent, so `#descend`, one pass in time order, meets every descendant after its
 * ancestor. There are two exceptions: streams number their entries separately within a millisecond, and after a clock was set back
 * each continues at its own last time. Therefore entries of one millisecond are examined together, and `#ascend`, which reads
 * backwards from the last descendant to find ancestors and neighbours, also detects descendants that came too early.
 */
class Search implements Relatives {
  asked: Related[] = [];
  readonly lineage: Map<string, Related> = new Map();
  readonly ancestors: Map<string, Related> = new Map();
  readonly neighbours: Map<string, Neighbour> = new Map();
  moreAsked = 0;
  complete = true;

  readonly #inspector: Inspector;
  readonly #streams: readonly LogStream[];
  readonly #query: EventQuery;
  readonly #options: RelativesOptions;
  /** True where some stream's ids seem to have stood still in time, so that their order cannot be relied on. */
  #disordered = false;

  constructor(inspector: Inspector, streams: readonly LogStream[], query: EventQuery, options: RelativesOptions) {
    this.#inspector = inspector;
    this.#streams = streams;
    this.#query = query;
    this.#options = options;
  }

  async run(): Promise<void> {
    // The end is fixed: a log that grows faster than it is read would otherwise never end.
    const last = await this.#lastEntryId();
    if (last === undefined) return;
    const { to } = this.#options;
    const end = to !== undefined && isUpTo(to.includes("-") ? to : `${to}-0`, last) ? to : last;
    let from = this.#options.from ?? (await this.#entryIdOfEvent()) ?? "-";
    for (let pass = 0; pass < maxPasses; pass++) {
      await this.#descend(from, end);
      this.#keepFirstAsked();
      if (this.asked.length === 0) return;
      if ((await this.#ascend()) === "in order") return;
      from = "-";
    }
  }

  async #descend(from: string, end: string): Promise<void> {
    this.moreAsked = 0;
    const near = new Neighbourhood<LogEntry>();
    for await (const { entry: stored, stream } of mergedPages(this.#inspector, this.#streams, range(from, end))) {
      this.#options.signal?.throwIfAborted();
      const entry = toLogEntry(stored, stream.partition);
      if (near.at(timeOf(entry.entryId)) > disorderedFrom) this.#disordered = true;
      const known = this.lineage.get(eventIdOf(entry));
      if (known !== undefined) {
        noteCopy(known, entry);
        continue;
      }
      const causes = causesOf(entry);
      const isChild = causes.some((cause) => this.lineage.has(cause));
      if (!isChild && !this.#isAsked(entry)) {
        if (causes.length > 0) near.add(entry);
        continue;
      }
      if (this.lineage.size >= this.#options.maxEvents) {
        this.complete = false;
        continue;
      }
      this.#addWithNear(entry, near, isChild);
    }
  }

  #isAsked(entry: LogEntry): boolean {
    if (!this.#query.matches(entry)) return false;
    if (this.asked.length < this.#options.maxAsked) return true;
    if (entry.envelope !== undefined && causesOf(entry).length === 0) this.moreAsked++;
    return false;
  }

  #addWithNear(entry: LogEntry, near: Neighbourhood<LogEntry>, isChild: boolean): void {
    const related = toRelated(entry);
    this.lineage.set(related.id, related);
    if (!isChild) this.asked.push(related);
    const added = [related.id];
    for (let id = added.pop(); id !== undefined; id = added.pop()) {
      const parent = id;
      for (const child of near.take((other) => causesOf(other).includes(parent))) {
        const relatedChild = toRelated(child);
        if (this.lineage.has(relatedChild.id)) continue;
        this.lineage.set(relatedChild.id, relatedChild);
        added.push(relatedChild.id);
      }
    }
  }

  /** Drops matches that turn out to be descendants: they were met before their parents within one millisecond. */
  #keepFirstAsked(): void {
    const kept = new Set(this.asked.map((related) => related.id));
    for (const related of this.asked.toReversed()) {
      const above = new Set<string>(related.causes);
      for (const id of above) for (const cause of this.lineage.get(id)?.causes ?? []) above.add(cause);
      // One at a time, so that of causes that form a circle one remains.
      if ([...above].some((id) => id !== related.id && kept.has(id))) kept.delete(related.id);
    }
    this.asked = this.asked.filter((related) => kept.has(related.id));
  }

  async #ascend(): Promise<"in order" | "found earlier children"> {
    const ids = [...this.lineage.values()].map((related) => related.entry.entryId).sort(compareIds);
    const firstMs = timeOf(ids[0] ?? "0") - slackMs;
    const wantedAncestors = new Set<string>();
    const wantedNeighbours = new Set<string>();
    const askedIds = new Set(this.asked.map((related) => related.id));
    for (const related of this.asked) for (const id of related.causes) wantedAncestors.add(id);
    for (const related of this.lineage.values()) {
      // An event that names a matching event belongs to it, whatever else it names.
      if (related.causes.some((id) => askedIds.has(id))) continue;
      for (const id of related.causes) if (!this.lineage.has(id)) wantedNeighbours.add(id);
    }

    const near = new Neighbourhood<LogEntry>();
    const look = (met: LogEntry): boolean => {
      let isRelated = false;
      const toLook = [met];
      for (let entry = toLook.pop(); entry !== undefined; entry = toLook.pop()) {
        const id = eventIdOf(entry);
        const causes = causesOf(entry);
        const isWanted = wantedAncestors.delete(id);
        if (wantedNeighbours.delete(id)) this.neighbours.set(id, { entryId: entry.entryId, causes });
        if (!isWanted) continue;
        isRelated ||= entry === met;
        this.ancestors.set(id, toRelated(entry));
        for (const cause of causes) {
          if (this.ancestors.has(cause)) continue;
          wantedAncestors.add(cause);
          for (const earlier of near.take((other) => eventIdOf(other) === cause)) toLook.push(earlier);
        }
      }
      return isRelated;
    };

    // Begins with the whole millisecond of the last relative, and continues below the first one as long as causes are missing.
    const pages = mergedPages(this.#inspector, this.#streams, range("-", millisecondOf(ids.at(-1) ?? "0"), true));
    for await (const { entry: stored, stream } of pages) {
      this.#options.signal?.throwIfAborted();
      const ms = timeOf(stored.entryId);
      if (ms < firstMs && wantedAncestors.size + wantedNeighbours.size === 0 && !this.#disordered) break;
      near.at(ms);
      const entry = toLogEntry(stored, stream.partition);
      const isRelated = look(entry) || this.lineage.has(eventIdOf(entry));
      if (isRelated) continue;
      if (causesOf(entry).some((cause) => this.lineage.has(cause)) && this.complete) {
        return "found earlier children";
      }
      near.add(entry);
    }
    return "in order";
  }

  /** Finds the event's entry id while the dedupe window of its channel lasts. */
  async #entryIdOfEvent(): Promise<string | undefined> {
    const { eventId } = this.#query;
    if (eventId === undefined) return undefined;
    // An entry, `<channel>/<entry id>`, tells its own time, unless some event has such an id.
    const [, ms] = /^[^/]+\/(\d+)-\d+$/.exec(eventId) ?? [];
    if (ms !== undefined) return ms;
    const found = await Promise.all(this.#streams.map((stream) => this.#inspector.entryOf(stream, eventId)));
    const [first] = found.filter((id) => id !== undefined).sort(compareIds);
    return first === undefined ? undefined : millisecondOf(first);
  }

  async #lastEntryId(): Promise<string | undefined> {
    const pages = await Promise.all(this.#streams.map((s) => this.#inspector.page(s, range("-", "+", true), 1)));
    return pages
      .flatMap((page) => page.map((entry) => entry.entryId))
      .sort(compareIds)
      .at(-1);
  }
}

const maxPasses = 4;
/** Largest disorder between streams without a clock that was set back, ms. */
const slackMs = 1_000;
/** Number of entries in one millisecond that only a clock set back can explain. */
const disorderedFrom = 5_000;

function range(from: string, to: string, reverse = false): { from: string; to: string; reverse: boolean } {
  return { from, to, reverse };
}

function toRelated(entry: LogEntry): Related {
  return { id: eventIdOf(entry), entry, causes: causesOf(entry), copies: [] };
}

/** The causes of an event by id, without those that mark a replayed event: its story is the original's. */
function causesOf({ envelope }: LogEntry): readonly string[] {
  if (envelope === undefined || envelope.causes.length === 0) return none;
  return [...new Set(storyCauses(envelope.causes).map((cause) => cause.id))];
}

const none: readonly string[] = Object.freeze([]);

function noteCopy(known: Related, entry: LogEntry): void {
  const name = `${entry.channel}/${entry.entryId}`;
  const isItself = known.entry.entryId === entry.entryId && known.entry.channel === entry.channel;
  if (isItself && known.entry.partition === entry.partition) return;
  if (!known.copies.includes(name)) known.copies.push(name);
}

/** Compares a record with a replay, event by event: same, changed, missing or added. */

import type { Channel } from "../../model/channel.ts";
import type { RecordedSettlement, ReplaySource } from "../source/source.ts";
import { type About, aboutOf, Concerned } from "./correlation.ts";
import type {
  ChannelDifference,
  Difference,
  DiffOptions,
  EventDifference,
  EventLocation,
  OutcomeDifference,
} from "./difference.ts";
import { type FieldDifference, payloadDifferences } from "./field-differences.ts";
import { causalKey, entryKey, type Fact, factOf, type Originals, RecordedSide, withCauses } from "./recorded-side.ts";

/**
 * Compares two sources. Events are matched by origin, not by id: by channel and causes, and among equals by content. Keys and payloads
 * count; time, ids and trace fields of the envelope do not. Events of a replay into another namespace are matched with their originals.
 * Holds the recorded side in memory, about 1 KiB an event.
 * @throws what the sources throw; the signal's reason when it aborts
 */
export async function diff(
  recorded: ReplaySource,
  replayed: ReplaySource,
  options: DiffOptions = {},
): Promise<Difference> {
  const side = await RecordedSide.read(recorded, options.signal);
  const comparison = new Comparison(side, options);
  for await (const line of replayed.lines(options.signal)) {
    options.signal?.throwIfAborted();
    if (line.kind === "entry") comparison.event(factOf(line.entry, comparison.originals));
    else comparison.settlement(line.settlement);
  }
  options.signal?.throwIfAborted(); // an aborted source has not given all of its lines
  comparison.end(replayed.channels);
  return comparison.result(recorded.name, replayed.name);
}

class Comparison {
  /** For ids of the replayed side, the ids of their originals. */
  readonly originals: Originals = new Map();
  readonly #side: RecordedSide;
  readonly #ignored: ReadonlySet<string>;
  readonly #maxListed: number;
  readonly #correlations: ReadonlyMap<string, Channel<unknown>>;
  readonly #channels = new Map<string, Mutable<ChannelDifference>>();
  readonly #events: EventDifference[] = [];
  readonly #outcomes: OutcomeDifference[] = [];
  readonly #concerned = new Concerned();
  readonly #notes: string[] = [];
  /** Number of replayed events on each channel that the record does not have. */
  readonly #unknown = new Map<string, number>();
  /** Replayed events for which no equal recorded event is known yet. */
  readonly #unlike: Fact[] = [];
  readonly #byEntry = new Map<string, Fact>();
  readonly #deadLetters = new Map<
    string,
    Map<string, { readonly fact: Fact; count: number; error: string | undefined }>
  >();
  #differences = 0;

  constructor(side: RecordedSide, { channels = [], ignore = [], maxListed = 10_000 }: DiffOptions) {
    this.#side = side;
    this.#ignored = new Set(ignore);
    this.#maxListed = maxListed;
    this.#correlations = new Map(channels.map((channel) => [channel.name, channel]));
  }

  event(fact: Fact): void {
    this.#byEntry.set(entryKey(fact.partition, fact.channel, fact.entryId), fact);
    if (!this.#side.channels.has(fact.channel)) {
      this.#unknown.set(fact.channel, (this.#unknown.get(fact.channel) ?? 0) + 1);
      return;
    }
    if (!this.#isSame(fact)) this.#unlike.push(fact);
  }

  settlement({ component, partition, calls }: RecordedSettlement): void {
    const deadLetters = this.#deadLetters.get(component) ?? new Map();
    this.#deadLetters.set(component, deadLetters);
    for (const { channel, entryIds, outcome, error } of calls) {
      if (outcome === "acked") continue;
      for (const entryId of entryIds) {
        const fact = this.#byEntry.get(entryKey(partition, channel, entryId));
        if (fact === undefined) continue;
        const event = this.originals.get(fact.id) ?? fact.id;
        deadLetters.set(event, { fact, count: (deadLetters.get(event)?.count ?? 0) + 1, error });
      }
    }
  }

  end(replayedChannels: readonly string[]): void {
    // In order of arrival, so that the original of an event is known before the events that derive from it are matched.
    for (const fact of this.#unlike) this.#pair(withCauses(fact, this.originals));
    const channels = new Set([...replayedChannels, ...[...this.#byEntry.values()].map(({ channel }) => channel)]);
    const notCompared = new Map<string, number>();
    for (const { fact, component } of this.#side.left()) {
      // An output is missing where its component was replayed; any other event where its channel was.
      const isKnown = component !== undefined && this.#deadLetters.size > 0;
      if (isKnown ? this.#deadLetters.has(component) : channels.has(fact.channel)) {
        this.#countsOf(fact.channel).missing++;
        this.#differ("missing", fact, undefined, []);
      } else notCompared.set(fact.channel, (notCompared.get(fact.channel) ?? 0) + 1);
    }
    for (const [channel, count] of notCompared) {
      this.#notes.push(`Not part of the replay, and not compared: ${counted(count)} recorded on "${channel}".`);
    }
    for (const [channel, count] of this.#unknown) {
      this.#notes.push(
        `Not compared, as the record has nothing of the channel: ${counted(count)} replayed on "${channel}".`,
      );
    }
    for (const component of this.#deadLetters.keys()) this.#compareOutcomes(component);
  }

  result(recorded: string, replayed: string): Difference {
    if (this.#differences > this.#maxListed) {
      this.#notes.push(
        `Of ${this.#differences.toLocaleString("en")} differences ${this.#maxListed.toLocaleString("en")} are listed.`,
      );
    }
    return {
      recorded,
      replayed,
      isSame: this.#differences === 0,
      channels: Object.fromEntries([...this.#channels].sort(([a], [b]) => (a < b ? -1 : 1))),
      events: this.#events,
      outcomes: this.#outcomes,
      concerned: this.#concerned.values,
      notes: this.#notes,
    };
  }

  /** Matches the event with an equal recorded one, if there is one. */
  #isSame(fact: Fact): boolean {
    const isEqual = (one: Fact): boolean => this.#fieldsOf(one, fact).length === 0;
    const recorded = this.#side.takeSame(fact, causalKey(fact, this.originals), isEqual);
    if (recorded === undefined) return false;
    this.#standsFor(fact, recorded);
    this.#countsOf(fact.channel).same++;
    return true;
  }

  /** Matches the event with an equal one, which may be known by now, or else with the next recorded event of the same origin. */
  #pair(fact: Fact): void {
    if (this.#isSame(fact)) return;
    const recorded = this.#side.takeNext(causalKey(fact, this.originals));
    this.#countsOf(fact.channel)[recorded === undefined ? "added" : "changed"]++;
    if (recorded === undefined) this.#differ("added", undefined, fact, []);
    else {
      this.#standsFor(fact, recorded);
      this.#differ("changed", recorded, fact, this.#fieldsOf(recorded, fact));
    }
  }

  #standsFor(fact: Fact, recorded: Fact): void {
    const original = this.#side.originals.get(recorded.id) ?? recorded.id;
    if (original !== fact.id) this.originals.set(fact.id, original);
  }

  #compareOutcomes(component: string): void {
    const recorded = this.#side.deadLettersOf(component);
    const replayed = this.#deadLetters.get(component) ?? new Map();
    if (recorded === undefined) {
      this.#notes.push(`The record has no settlements of "${component}": how its calls ended could not be compared.`);
      return;
    }
    for (const [eventId, { fact, count, error }] of replayed) {
      if ((recorded.get(eventId) ?? 0) >= count) continue;
      this.#differInOutcome(fact, { component, eventId, recorded: "acked", replayed: "deadLettered", error });
    }
    const facts = new Map([...this.#byEntry.values()].map((fact) => [this.originals.get(fact.id) ?? fact.id, fact]));
    for (const [eventId, count] of recorded) {
      const fact = facts.get(eventId);
      if (fact === undefined || (replayed.get(eventId)?.count ?? 0) >= count) continue;
      this.#differInOutcome(fact, {
        component,
        eventId,
        recorded: "deadLettered",
        replayed: "acked",
        error: undefined,
      });
    }
  }

  #differ(
    kind: EventDifference["kind"],
    recorded: Fact | undefined,
    replayed: Fact | undefined,
    fields: readonly FieldDifference[],
  ): void {
    const { channel, causes } = (recorded ?? replayed) as Fact;
    const about = this.#about(recorded, replayed);
    if (++this.#differences > this.#maxListed) return;
    const locations = { recorded: recorded && locationOf(recorded), replayed: replayed && locationOf(replayed) };
    this.#events.push({ kind, channel, ...locations, causes, about, fields });
  }

  #differInOutcome(fact: Fact, difference: Omit<OutcomeDifference, "channel" | "about">): void {
    const about = this.#about(fact, undefined);
    if (++this.#differences > this.#maxListed) return;
    this.#outcomes.push({ ...difference, channel: fact.channel, about });
  }

  /** Merges the attributes of both sides: an event may have moved from one order to another. */
  #about(...facts: readonly (Fact | undefined)[]): About {
    const about: Record<string, readonly string[]> = {};
    for (const fact of facts) {
      if (fact === undefined) continue;
      for (const [name, values] of Object.entries(
        aboutOf(fact.baggage, fact.payload, this.#correlations.get(fact.channel)),
      )) {
        about[name] = [...new Set([...(about[name] ?? []), ...values])];
      }
    }
    this.#concerned.add(about);
    return about;
  }

  #countsOf(channel: string): Mutable<ChannelDifference> {
    const known = this.#channels.get(channel) ?? { same: 0, changed: 0, missing: 0, added: 0 };
    this.#channels.set(channel, known);
    return known;
  }

  #fieldsOf(recorded: Fact, replayed: Fact): readonly FieldDifference[] {
    const fields = payloadDifferences(recorded.payload, replayed.payload, this.#ignored);
    if (recorded.key === replayed.key || this.#ignored.has("key")) return fields;
    return [{ path: "key", recorded: recorded.key, replayed: replayed.key }, ...fields];
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function locationOf({ id, entryId, partition }: Fact): EventLocation {
  return { eventId: id, entryId, partition };
}

function counted(count: number): string {
  return count === 1 ? "1 event" : `${count.toLocaleString("en")} events`;
}

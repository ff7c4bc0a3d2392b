/** The recorded side of a comparison, held in memory and indexed by the origin of each event. */

import { eventIdOf } from "../../inspect/entries/entry-json.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import { deriveEventId } from "../../model/event-id.ts";
import { replayedOf, storyCauses } from "../../model/replay-mark.ts";
import type { RecordedSettlement, ReplaySource } from "../source/source.ts";

/** The facts of one event that a comparison needs. */
export interface Fact {
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
  readonly id: string;
  readonly key: string;
  readonly payload: string;
  readonly baggage: string;
  /** The original ids of the causes, sorted. */
  readonly causes: readonly string[];
}

/** Original ids by the ids of replayed events. */
export type Originals = Map<string, string>;

/** Reads an event. `originals` holds the originals of earlier events; where this event is a replayed one, its original is added. */
export function factOf(entry: LogEntry, originals: Originals): Fact {
  const { channel, partition, entryId, envelope } = entry;
  const id = eventIdOf(entry);
  const marked = envelope === undefined ? undefined : replayedOf(envelope.causes);
  if (marked !== undefined) originals.set(id, marked.originalId);
  const causes = envelope === undefined ? [] : storyCauses(envelope.causes);
  return {
    channel,
    partition,
    entryId,
    id,
    key: envelope?.key ?? "",
    payload: envelope?.payload ?? JSON.stringify(entry.fields),
    baggage: envelope?.baggage ?? "",
    causes: causes.map((cause) => originals.get(cause.id) ?? cause.id).sort(),
  };
}

/** Maps the causes once more, to originals that became known since. */
export function withCauses(fact: Fact, originals: Originals): Fact {
  return { ...fact, causes: fact.causes.map((id) => originals.get(id) ?? id).sort() };
}

/** The matching key: events of the same origin have the same key. An event without causes, or a replayed original, is keyed by its id. */
export function causalKey({ channel, id, causes }: Fact, originals: Originals): string {
  const original = originals.get(id);
  if (original !== undefined || causes.length === 0) return `${channel}\n=${original ?? id}`;
  return `${channel}\n${causes.join("\n")}`;
}

/** The key of an entry in the maps of this comparison. */
export function entryKey(partition: number, channel: string, entryId: string): string {
  return `${partition}/${channel}/${entryId}`;
}

/** Most consecutive outputs that may be missing before the search for further outputs of a call stops. */
const maxGap = 16;

/** Holds recorded events and gives them out as they are matched. */
export class RecordedSide {
  readonly originals: Originals = new Map();
  /** Recorded events that no replayed event was matched with, by causal key. */
  readonly #unmatched = new Map<string, Fact[]>();
  readonly #byEntry = new Map<string, Fact>();
  readonly #channels = new Set<string>();
  readonly #calls: { readonly component: string; readonly sources: readonly string[] }[] = [];
  /** Number of dead letters by component and event id. */
  readonly #deadLetters = new Map<string, Map<string, number>>();

  static async read(source: ReplaySource, signal: AbortSignal | undefined): Promise<RecordedSide> {
    const side = new RecordedSide();
    for (const channel of source.channels) side.#channels.add(channel);
    for await (const line of source.lines(signal)) {
      signal?.throwIfAborted();
      if (line.kind === "entry") side.#add(factOf(line.entry, side.originals));
      else side.#settled(line.settlement);
    }
    signal?.throwIfAborted();
    return side;
  }

  get channels(): ReadonlySet<string> {
    return this.#channels;
  }

  /** Numbers of dead letters of a component by event id; undefined where the record has no settlements of the component. */
  deadLettersOf(component: string): ReadonlyMap<string, number> | undefined {
    return this.#deadLetters.get(component);
  }

  at(key: string): Fact | undefined {
    return this.#byEntry.get(key);
  }

  /** Removes and gives the recorded event that is the same: the same entry, or an equal event of the same key. */
  takeSame(fact: Fact, key: string, isEqual: (recorded: Fact) => boolean): Fact | undefined {
    // The content is compared too: a made-up entry id may equal a real one, and derived ids may have shifted within their batch.
    const there = this.#byEntry.get(entryKey(fact.partition, fact.channel, fact.entryId));
    const isThere = there?.id === fact.id && there.payload === fact.payload && there.key === fact.key;
    if (isThere && this.#remove(causalKey(there, this.originals), there)) return there;
    const found = this.#unmatched.get(key)?.find(isEqual);
    if (found !== undefined) this.#remove(key, found);
    return found;
  }

  /** Removes and gives the next recorded event of the key. */
  takeNext(key: string): Fact | undefined {
    const found = this.#unmatched.get(key)?.[0];
    if (found !== undefined) this.#remove(key, found);
    return found;
  }

  /** Gives the events not matched, each with the component that published it, where the component is known. */
  *left(): Generator<{ readonly fact: Fact; readonly component: string | undefined }, void, undefined> {
    const facts = [...this.#unmatched.values()].flat();
    const components = facts.length === 0 ? new Map<string, string>() : this.#publishers(facts);
    for (const fact of facts) yield { fact, component: components.get(fact.id) };
  }

  #add(fact: Fact): void {
    this.#channels.add(fact.channel);
    this.#byEntry.set(entryKey(fact.partition, fact.channel, fact.entryId), fact);
    const key = causalKey(fact, this.originals);
    const facts = this.#unmatched.get(key);
    if (facts === undefined) this.#unmatched.set(key, [fact]);
    else facts.push(fact);
  }

  #settled({ component, partition, calls }: RecordedSettlement): void {
    const deadLetters = this.#deadLetters.get(component) ?? new Map<string, number>();
    this.#deadLetters.set(component, deadLetters);
    for (const { channel, entryIds, outcome } of calls) {
      const facts = entryIds.map((entryId) => this.#byEntry.get(entryKey(partition, channel, entryId)));
      const sources = facts.flatMap((fact) => (fact === undefined ? [] : [fact.id]));
      if (outcome === "acked") this.#calls.push({ component, sources });
      else {
        for (const id of sources) {
          const event = this.originals.get(id) ?? id;
          deadLetters.set(event, (deadLetters.get(event) ?? 0) + 1);
        }
      }
    }
  }

  #remove(key: string, fact: Fact): boolean {
    const facts = this.#unmatched.get(key);
    const at = facts?.indexOf(fact) ?? -1;
    if (facts === undefined || at < 0) return false;
    if (facts.length === 1) this.#unmatched.delete(key);
    else facts.splice(at, 1);
    return true;
  }

  /** Finds publishers: derives output ids from each candidate call's sources and component, and compares them with the events' ids. */
  #publishers(facts: readonly Fact[]): ReadonlyMap<string, string> {
    const wanted = new Set(facts.map(({ id }) => id));
    const ids = new Set([...this.#byEntry.values()].map(({ id }) => id));
    const causes = new Set(facts.flatMap((fact) => fact.causes));
    const found = new Map<string, string>();
    for (const { component, sources } of this.#calls) {
      if (!sources.some((id) => causes.has(this.originals.get(id) ?? id))) continue;
      const sourceId = sources.join(" ");
      for (let index = 0, gap = 0; gap < maxGap; index++) {
        const id = deriveEventId(sourceId, component, index);
        gap = ids.has(id) ? 0 : gap + 1;
        if (wanted.has(id)) found.set(id, component);
      }
    }
    return found;
  }
}

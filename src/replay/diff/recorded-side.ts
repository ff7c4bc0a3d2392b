/** The recorded side of a comparison: held in memory, found by what each event comes from. */

import { eventIdOf } from "../../inspect/entries/entry-json.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import { deriveEventId } from "../../model/event-id.ts";
import { replayedOf, storyCauses } from "../../model/replay-mark.ts";
import type { RecordedSettlement, ReplaySource } from "../source/source.ts";

/** One event of one side, and no more of it than a comparison needs. */
export interface Fact {
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
  readonly id: string;
  readonly key: string;
  readonly payload: string;
  readonly baggage: string;
  /** By their original ids, sorted. */
  readonly causes: readonly string[];
}

/** Ids that stand for another one: those of replayed events for their originals'. */
export type Originals = Map<string, string>;

/** `originals` has what the events before this one stand for, and learns what this one does. */
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

/** Again, by what is known of the causes by now. */
export function withCauses(fact: Fact, originals: Originals): Fact {
  return { ...fact, causes: fact.causes.map((id) => originals.get(id) ?? id).sort() };
}

/** The same for events that are derived alike. What comes from nothing, or is a replayed original, is known by its id. */
export function causalKey({ channel, id, causes }: Fact, originals: Originals): string {
  const original = originals.get(id);
  if (original !== undefined || causes.length === 0) return `${channel}\n=${original ?? id}`;
  return `${channel}\n${causes.join("\n")}`;
}

export function placeOf(partition: number, channel: string, entryId: string): string {
  return `${partition}/${channel}/${entryId}`;
}

/** Outputs that a handler may fail to publish in a row, for those after them still to be known as its own. */
const maxGap = 16;

export class RecordedSide {
  readonly originals: Originals = new Map();
  /** Those that nothing of the other side was found to be the same as, by causal key. */
  readonly #unmatched = new Map<string, Fact[]>();
  readonly #byPlace = new Map<string, Fact>();
  readonly #channels = new Set<string>();
  readonly #calls: { readonly component: string; readonly sources: readonly string[] }[] = [];
  /** Dead letters by component and event. */
  readonly #buried = new Map<string, Map<string, number>>();

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

  /** Dead letters of a component, how often each event became one; undefined where nothing is known of its settlements. */
  buriedBy(component: string): ReadonlyMap<string, number> | undefined {
    return this.#buried.get(component);
  }

  at(place: string): Fact | undefined {
    return this.#byPlace.get(place);
  }

  /** Takes out the recorded event that this one is the same as: the same entry, or an equal one of its key. */
  takeSame(fact: Fact, key: string, isEqual: (recorded: Fact) => boolean): Fact | undefined {
    // Equal too: the id of a made-up entry may be that of a real one, and what derived ids name may have moved within its batch.
    const there = this.#byPlace.get(placeOf(fact.partition, fact.channel, fact.entryId));
    const isThere = there?.id === fact.id && there.payload === fact.payload && there.key === fact.key;
    if (isThere && this.#remove(causalKey(there, this.originals), there)) return there;
    const found = this.#unmatched.get(key)?.find(isEqual);
    if (found !== undefined) this.#remove(key, found);
    return found;
  }

  /** Takes out the next recorded event of the key. */
  takeNext(key: string): Fact | undefined {
    const found = this.#unmatched.get(key)?.[0];
    if (found !== undefined) this.#remove(key, found);
    return found;
  }

  /** What is left, each with the component that has published it, where that can be told. */
  *left(): Generator<{ readonly fact: Fact; readonly component: string | undefined }, void, undefined> {
    const facts = [...this.#unmatched.values()].flat();
    const components = facts.length === 0 ? new Map<string, string>() : this.#publishers(facts);
    for (const fact of facts) yield { fact, component: components.get(fact.id) };
  }

  #add(fact: Fact): void {
    this.#channels.add(fact.channel);
    this.#byPlace.set(placeOf(fact.partition, fact.channel, fact.entryId), fact);
    const key = causalKey(fact, this.originals);
    const facts = this.#unmatched.get(key);
    if (facts === undefined) this.#unmatched.set(key, [fact]);
    else facts.push(fact);
  }

  #settled({ component, partition, calls }: RecordedSettlement): void {
    const buried = this.#buried.get(component) ?? new Map<string, number>();
    this.#buried.set(component, buried);
    for (const { channel, entryIds, outcome } of calls) {
      const facts = entryIds.map((entryId) => this.#byPlace.get(placeOf(partition, channel, entryId)));
      const sources = facts.flatMap((fact) => (fact === undefined ? [] : [fact.id]));
      if (outcome === "acked") this.#calls.push({ component, sources });
      else {
        for (const id of sources) {
          const event = this.originals.get(id) ?? id;
          buried.set(event, (buried.get(event) ?? 0) + 1);
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

  /** An output's id derives from what its handler had and from its component: tried for the calls that may be behind these events. */
  #publishers(facts: readonly Fact[]): ReadonlyMap<string, string> {
    const wanted = new Set(facts.map(({ id }) => id));
    const ids = new Set([...this.#byPlace.values()].map(({ id }) => id));
    const causes = new Set(facts.flatMap((fact) => fact.causes));
    const found = new Map<string, string>();
    for (const { component, sources } of this.#calls) {
      if (!sources.some((id) => causes.has(this.originals.get(id) ?? id))) continue;
      const sourceId = sources.join(" ");
      for (let place = 0, gap = 0; gap < maxGap; place++) {
        const id = deriveEventId(sourceId, component, place);
        gap = ids.has(id) ? 0 : gap + 1;
        if (wanted.has(id)) found.set(id, component);
      }
    }
    return found;
  }
}

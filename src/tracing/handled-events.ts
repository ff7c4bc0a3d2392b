/** What the entries of an attempt carry: the spans that they come from, their baggage and their stories, each read when it is needed. */

import type { SpanContext } from "@opentelemetry/api";
import type { Cause } from "../model/event.ts";
import { listOf } from "../model/single-item-list.ts";
import type { Delivered, Processing } from "../ports/tracing.ts";
import { completed } from "./attributes.ts";
import { mergeBaggage } from "./baggage-field.ts";
import { type Baggage, noBaggage } from "./carrier.ts";
import type { SpanOpener } from "./span-opener.ts";
import { decodeStories, type Story } from "./stories-field.ts";
import { isFlaggedSampled } from "./trace-context.ts";

/** Events from which on an index by id is worth its making. */
const indexedFrom = 8;

export class HandledEvents {
  readonly entries: readonly Delivered[];
  readonly #opener: SpanOpener;
  readonly #channel: string;
  /** The span that each entry comes from, as far as it was read. */
  origins: readonly (SpanContext | undefined)[] = noOrigins;
  #baggages: readonly Baggage[] | undefined;
  #stories: (readonly Story[] | undefined)[] | undefined;
  #byId: Map<string, number> | undefined;

  constructor(opener: SpanOpener, { channel, entries }: Processing) {
    this.#opener = opener;
    this.#channel = channel.name;
    this.entries = entries;
  }

  /** True for one event, which is handled by itself. */
  get isSingle(): boolean {
    return this.entries.length === 1;
  }

  /** Reads where all entries come from. */
  readOrigins(): void {
    const { entries } = this;
    const [only] = entries;
    if (only !== undefined && entries.length === 1) this.origins = listOf(this.#originOf(only));
    else this.origins = entries.map((entry) => this.#originOf(entry));
  }

  /**
   * Reads where the sampled entries come from. Where there are none: the first span that an entry comes from, which stands for all of
   * them.
   */
  readSampledOrigins(): SpanContext | undefined {
    const { entries } = this;
    let sampled: (SpanContext | undefined)[] | undefined;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Delivered;
      if (!isFlaggedSampled(entry.carrier.traceparent)) continue;
      sampled ??= new Array<SpanContext | undefined>(entries.length).fill(undefined);
      sampled[i] = this.#originOf(entry);
    }
    if (sampled?.some((origin) => origin !== undefined)) {
      this.origins = sampled;
      return undefined;
    }
    for (const entry of entries) {
      const origin = this.#originOf(entry);
      if (origin !== undefined) return origin;
    }
    return undefined;
  }

  #originOf({ carrier }: Delivered): SpanContext | undefined {
    return this.#opener.extract(this.#channel, carrier);
  }

  /** The baggage of each entry, completed by what its channel's correlation names. */
  get baggages(): readonly Baggage[] {
    this.#baggages ??= this.entries.map(({ carrier, correlation }) =>
      completed(this.#opener.decodeBaggage(this.#channel, carrier), correlation),
    );
    return this.#baggages;
  }

  /** The baggage of a single event. A batch has none of its own. */
  get baggage(): Baggage {
    return this.isSingle ? (this.baggages[0] ?? noBaggage) : noBaggage;
  }

  /** The baggage of the events that an output was derived from. */
  inherited(causes: readonly Cause[]): Baggage {
    if (this.isSingle) return this.baggage;
    if (causes.length === 0) return mergeBaggage(this.baggages);
    const { baggages } = this;
    const wanted = new Set(causes.map(({ id }) => id));
    return mergeBaggage(baggages.filter((_, i) => wanted.has((this.entries[i] as Delivered).eventId)));
  }

  /** The stories that an entry names; empty where it has one at most. */
  storiesAt(at: number): readonly Story[] {
    const text = this.entries[at]?.carrier.stories ?? "";
    if (text === "") return noStories;
    this.#stories ??= [];
    this.#stories[at] ??= this.#decode(text);
    return this.#stories[at] ?? noStories;
  }

  /** The stories that a cause names. */
  storiesOf({ id, stories = "" }: Cause): readonly Story[] {
    const at = this.indexOf(id);
    return at >= 0 ? this.storiesAt(at) : stories === "" ? noStories : this.#decode(stories);
  }

  #decode(text: string): readonly Story[] {
    return decodeStories(text, this.#opener.limits, () => this.#opener.meters.rejected(this.#channel, "stories"));
  }

  /** The ids of an entry's own story. */
  idsAt(at: number): Baggage {
    const [own] = this.storiesAt(at);
    const baggage = this.baggages[at] ?? noBaggage;
    return own === undefined || own.ids.size === 0 ? baggage : new Map([...baggage, ...own.ids]);
  }

  /** The ids of the story in a trace that the one event being handled belongs to. */
  idsIn(traceId: string): Baggage {
    if (!this.isSingle) return noBaggage;
    const stories = this.storiesAt(0);
    return stories.find(({ origin }, i) => (i === 0 ? this.origins[0] : origin)?.traceId === traceId)?.ids ?? noBaggage;
  }

  /** The place of an event among the entries; -1 where it is none of them. */
  indexOf(eventId: string): number {
    const { entries } = this;
    if (entries.length < indexedFrom) return entries.findIndex((entry) => entry.eventId === eventId);
    this.#byId ??= new Map(entries.map((entry, i) => [entry.eventId, i]));
    return this.#byId.get(eventId) ?? -1;
  }
}

const noOrigins: readonly (SpanContext | undefined)[] = Object.freeze([]);
const noStories: readonly Story[] = Object.freeze([]);

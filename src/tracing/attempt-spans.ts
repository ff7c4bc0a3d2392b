/**
 * The spans of one attempt: its own, and one for each further sampled story that has a part in it. A batch's events each have a story, and
 * an event that several were netted into belongs to all of theirs. Where nothing is sampled there are none.
 */

import { type Attributes, type Span, type SpanContext, SpanKind, TraceFlags } from "@opentelemetry/api";
import type { Delivered, Outcome, Processing } from "../ports/tracing.ts";
import { attribute, correlate, correlateBatch, correlatePlain } from "./attributes.ts";
import { AttemptIdentity } from "./derived-ids.ts";
import type { HandledEvents } from "./handled-events.ts";
import { causeContexts, linksTo } from "./links.ts";
import type { SpanSource } from "./sdk.ts";
import { fail } from "./send-spans.ts";
import type { SpanOpener } from "./span-opener.ts";
import { applyIds, type Story } from "./stories-field.ts";

/** The replay that an attempt belongs to. */
export interface ReplayedIn {
  readonly runId: string;
  readonly span: SpanContext | undefined;
}

export class AttemptSpans {
  readonly #opener: SpanOpener;
  readonly #processing: Processing;
  readonly #events: HandledEvents;
  /** Set when the attempt is part of a replay. */
  readonly #replay: ReplayedIn | undefined;
  /** Set when the span is kept, or when only its own sampler can tell. */
  main: Span | undefined;
  /** Set when an SDK is registered and the span would not be kept: the ids that it would have had. */
  declined: SpanContext | undefined;
  /** The spans of further stories. */
  #ofStories: Span[] = none;

  constructor(opener: SpanOpener, processing: Processing, events: HandledEvents, replay: ReplayedIn | undefined) {
    this.#opener = opener;
    this.#processing = processing;
    this.#events = events;
    this.#replay = replay;
  }

  open(source: SpanSource): void {
    const events = this.#events;
    const isLive = this.#replay === undefined;
    if (events.isSingle && isLive && this.#processing.channel.topology === "parent") {
      events.readOrigins();
      const [origin] = events.origins;
      if (origin !== undefined) {
        // The parent alone decides here, so that its "no" needs no further look.
        this.declined = source.decline({ parent: origin, context: undefined, links: [] });
        if (this.declined === undefined) this.#open(source, origin);
        return;
      }
    } else if (source.followsStories && isLive) {
      this.declined = events.readSampledOrigins();
      if (this.declined !== undefined) return;
    } else events.readOrigins();
    this.#open(source, undefined);
  }

  /** Opens the spans, unless the attempt's own is a root that its links or its id decide against. */
  #open(source: SpanSource, parent: SpanContext | undefined): void {
    const processing = this.#processing;
    const { entries, isSingle, origins } = this.#events;
    const attributes: Attributes = {};
    const targets: (SpanContext | undefined)[] = [...origins];
    const [entry] = entries;
    if (isSingle && entry !== undefined && entry.causes.length > 0) targets.push(...causeContexts(entry.causes));
    const replay = this.#replay;
    if (replay === undefined) targets.push(...this.#opener.earlier.of(processing));
    else targets.unshift(replay.span); // comes first, as the last links are dropped where there are too many
    const links = linksTo(targets, attributes);
    if (parent === undefined) {
      this.declined = source.decline({ parent, context: undefined, links, ...this.#identify(entry) });
      if (this.declined !== undefined) return;
    }
    if (isSingle && entry !== undefined) this.#describe(attributes, entry, 0);
    else this.#describeBatch(attributes);
    if (replay !== undefined) attributes[attribute.replayRun] = replay.runId;
    const main = this.#openSpan(source, attributes, links, parent, entry);
    this.main = main;
    if (replay === undefined && processing.channel.topology === "parent" && main.isRecording())
      this.#openStories(source, main.spanContext());
  }

  #openStories(source: SpanSource, main: SpanContext): void {
    const { entries, isSingle, origins } = this.#events;
    if (isSingle) {
      this.#openFurther(source, entries[0] as Delivered, 0, main);
      return;
    }
    for (let i = 0; i < entries.length; i++) {
      const origin = origins[i];
      if (origin === undefined || !(origin.traceFlags & TraceFlags.SAMPLED)) continue;
      const entry = entries[i] as Delivered;
      const attributes: Attributes = {};
      const links = linksTo(entry.causes.length === 0 ? [main] : [main, ...causeContexts(entry.causes)], attributes);
      this.#describe(attributes, entry, i);
      this.#add(this.#openSpan(source, attributes, links, origin, entry));
      this.#openFurther(source, entry, i, main);
    }
  }

  /** Opens the spans of an entry's stories that are not its own trace's. */
  #openFurther(source: SpanSource, entry: Delivered, at: number, main: SpanContext): void {
    const stories = this.#events.storiesAt(at);
    for (let i = 1; i < stories.length; i++) {
      const { origin, ids } = stories[i] as Story;
      const attributes: Attributes = {};
      this.#describe(attributes, entry, at);
      for (const [key, value] of ids) attributes[key] = value;
      this.#add(this.#openSpan(source, attributes, linksTo([main], attributes), origin, entry));
    }
  }

  #add(span: Span): void {
    if (this.#ofStories === none) this.#ofStories = [];
    this.#ofStories.push(span);
  }

  #openSpan(
    source: SpanSource,
    attributes: Attributes,
    links: ReturnType<typeof linksTo>,
    parent: SpanContext | undefined,
    entry: Delivered | undefined,
  ): Span {
    const { channels } = this.#opener;
    const spans = channels.of(this.#processing.channel);
    const statics = spans.processing(this.#processing, attributes);
    const place = { links, parent, context: undefined, ...this.#identify(entry) };
    return source.open({ ...place, name: spans.processName, kind: SpanKind.CONSUMER, statics, attributes });
  }

  /** The ids derive from the entry's place; those of a replay's attempts are drawn, as it may run any number of times. */
  #identify(entry: Delivered | undefined): { readonly identity?: AttemptIdentity } {
    if (entry === undefined || this.#replay !== undefined) return {};
    const { component, partition, channel, attempt, epoch = 0, run = 0 } = this.#processing;
    const { namespace } = this.#opener;
    const { entryId } = entry;
    const place = { namespace, component, partition, channel: channel.name, entryId, attempt, epoch, run };
    return { identity: new AttemptIdentity(place) };
  }

  #describe(attributes: Attributes, entry: Delivered, at: number): void {
    const events = this.#events;
    attributes[attribute.entryId] = entry.entryId;
    attributes[attribute.eventId] = entry.eventId;
    if (!correlatePlain(attributes, entry.carrier.baggage, entry.correlation, this.#opener.limits))
      correlate(attributes, events.baggages[at] ?? new Map(), entry.correlation);
    if (this.#replay === undefined) applyIds(attributes, events.storiesAt(at)[0]?.ids);
  }

  /** Of its events a batch's span names the sampled ones. */
  #describeBatch(attributes: Attributes): void {
    const { entries, origins, baggages } = this.#events;
    attributes[attribute.batchSize] = entries.length;
    const named = entries.map((_, i) => i).filter((i) => origins[i] !== undefined);
    const all = named.length === 0 ? entries.map((_, i) => i) : named;
    correlateBatch(
      attributes,
      all.map((i) => entries[i] as Delivered),
      all.map((i) => baggages[i] ?? new Map()),
    );
  }

  /** The attempt's span in the story of a cause; undefined where it has none there. */
  in(cause: SpanContext): SpanContext | undefined {
    const { traceId } = cause;
    const main = this.main?.spanContext();
    if (main?.traceId === traceId) return main;
    // The channel begins a trace with each handling: what comes of the event goes on there.
    if (this.#processing.channel.topology === "link" && this.#events.origins.includes(cause)) return main;
    for (const span of this.#ofStories) {
      const own = span.spanContext();
      if (own.traceId === traceId) return own;
    }
    return undefined;
  }

  /** Ends all of them. `endMs`: epoch ms; default: now. */
  end(outcome: Outcome, errorType: string | undefined, error: unknown, endMs?: number): void {
    if (this.main === undefined) return;
    end(this.main, outcome, errorType, error, endMs);
    for (const span of this.#ofStories) end(span, outcome, errorType, error, endMs);
  }
}

function end(span: Span, outcome: Outcome, errorType: string | undefined, error: unknown, endMs?: number): void {
  span.setAttribute(attribute.outcome, outcome);
  if (errorType !== undefined) fail(span, errorType, error);
  span.end(endMs);
}

const none: Span[] = [];

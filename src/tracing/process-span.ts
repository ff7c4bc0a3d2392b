/** The span of one attempt: its parent and links, its handler's context, its outputs' carriers, and its end. */

import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
} from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import { errorTypeOf } from "../model/error-facts.ts";
import type { Cause } from "../model/event.ts";
import type { Delivered, Outcome, Processing, ProcessSpan, Sending, SendSpan } from "../ports/tracing.ts";
import { AttemptSpans, type ReplayedIn } from "./attempt-spans.ts";
import { activeBaggage, activeOwner, type BaggageOwner, isActiveAlone, runOwned, toApi } from "./baggage.ts";
import { type Baggage, noBaggage, noCarrier, readableCarrier, TraceFields } from "./carrier.ts";
import { baggageKey, ownerKey, spanKey } from "./context-keys.ts";
import { openDead } from "./dead-span.ts";
import { HandledEvents } from "./handled-events.ts";
import { type OutputStory, storyOf } from "./output-story.ts";
import { hasAllOf, passedBaggage } from "./plain-baggage.ts";
import { currentSource, type SpanSource } from "./sdk.ts";
import { plainPlace, type SendPlace } from "./send-place.ts";
import { inertSend, PassedSend, SendScope, UnmeasuredSend } from "./send-spans.ts";
import type { SpanOpener } from "./span-opener.ts";
import { placeIn } from "./story-place.ts";
import { isFlaggedSampled, traceparentOf, tracestateOf } from "./trace-context.ts";

/**
 * One attempt, and the context in which its handler runs. The span, and a single event's baggage, are made on demand.
 * Without an SDK the attempt only passes the event's carrier on; it does so, too, where the span would not be kept.
 */
export class ProcessScope implements ProcessSpan, BaggageOwner, Context {
  readonly #opener: SpanOpener;
  readonly #processing: Processing;
  /** Set when the attempt is part of a replay. */
  readonly #replay: ReplayedIn | undefined;
  /** Made when the entries have to be looked at: most unsampled ones are passed on as they are. */
  #eventsRead: HandledEvents | undefined;
  /** Set when spans of the attempt are made, or when only their own sampler can tell. */
  #spans: AttemptSpans | undefined;
  /** Set when an SDK is registered and no span is made: the ids that stand for it. */
  #declined: SpanContext | undefined;
  /** The active span in the handler: the attempt's own, or for a declined one its ids alone. Made on demand. */
  #activeSpan: Span | undefined;
  /** Set once an output has asked for it. */
  #field: string | undefined;
  #startedAt = 0;
  #ended = false;

  constructor(opener: SpanOpener, processing: Processing, replay?: ReplayedIn) {
    this.#opener = opener;
    this.#processing = processing;
    this.#replay = replay;
  }

  open(): void {
    const { meters, serverNow } = this.#opener;
    if (meters.recording && this.#replay === undefined) {
      this.#startedAt = performance.now();
      meters.started(this.#processing, serverNow());
    }
    const source = currentSource();
    if (source === undefined) return;
    this.#declined = this.#unsampled(source);
    if (this.#declined !== undefined) return;
    const spans = new AttemptSpans(this.#opener, this.#processing, this.#events, this.#replay);
    spans.open(source);
    if (spans.main !== undefined) this.#spans = spans;
    this.#declined = spans.declined;
    this.#activeSpan = spans.main;
  }

  /** The origin of a single event that is not sampled: it stands for the span, which is not made. */
  #unsampled(source: SpanSource): SpanContext | undefined {
    const { channel, entries } = this.#processing;
    const [entry] = entries;
    if (!source.followsStories || entry === undefined || entries.length > 1 || this.#replay !== undefined)
      return undefined;
    if (isFlaggedSampled(entry.carrier.traceparent)) return undefined;
    return this.#opener.extract(channel.name, entry.carrier);
  }

  get #events(): HandledEvents {
    this.#eventsRead ??= new HandledEvents(this.#opener, this.#processing);
    return this.#eventsRead;
  }

  get #isSingle(): boolean {
    return this.#processing.entries.length === 1;
  }

  get #main(): Span | undefined {
    return this.#spans?.main;
  }

  /** True when an SDK is registered: then this object is the context of the handler. */
  get #isContext(): boolean {
    return this.#spans !== undefined || this.#declined !== undefined;
  }

  getValue(key: symbol): unknown {
    if (key === spanKey) {
      const declined = this.#declined;
      if (this.#activeSpan === undefined && declined !== undefined) this.#activeSpan = trace.wrapSpanContext(declined);
      return this.#activeSpan;
    }
    if (key === ownerKey) return this;
    if (key === baggageKey) return this.baggage.size === 0 ? undefined : toApi(this.baggage);
    return undefined;
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#asPlain().setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.#asPlain().deleteValue(key);
  }

  #asPlain(): Context {
    const span = this.getValue(spanKey) as Span | undefined;
    const own = ROOT_CONTEXT.setValue(ownerKey, this);
    const traced = span === undefined ? own : trace.setSpan(own, span);
    return this.baggage.size === 0 ? traced : propagation.setBaggage(traced, toApi(this.baggage));
  }

  /** The component, where the attempt is one of the backbone whose spans this opener opens. */
  handledFor(opener: SpanOpener): string | undefined {
    return opener === this.#opener ? this.#processing.component : undefined;
  }

  run<T>(handle: () => T): T {
    if (!this.#isContext) return runOwned(this, handle);
    let entered = false;
    try {
      return context.with(this, () => {
        entered = true;
        // Without a context manager nothing is active: our own storage carries at least the baggage.
        return context.active() === this ? handle() : runOwned(this, handle);
      });
    } catch (error) {
      if (entered) throw error;
      this.#opener.faults.report("context", error);
      return runOwned(this, handle);
    }
  }

  send(sending: Sending): SendSpan {
    try {
      const story = this.#storyOf(sending);
      const passed = this.#pass(sending, story);
      if (passed !== undefined) return passed;
      const active = context.active();
      const inside = active.getValue(ownerKey) === this;
      const owner = activeOwner();
      const around = inside || owner === this ? activeBaggage() : undefined;
      const inherited = this.#events.inherited(sending.causes);
      const base = this.#baggageOver(inherited, around);
      if (this.#replay !== undefined) return this.#opener.passReplayed(this.#main, base, inherited, sending);
      const place = this.#placeOf(story, inside ? active : this.#isContext ? this : ROOT_CONTEXT, sending);
      return this.#opener.openSend("send", place, base, this.#carrierOf(story), sending, inherited);
    } catch (error) {
      this.#opener.faults.report("send", error);
      return inertSend;
    }
  }

  /**
   * The story that an output's causes say; undefined where it is that of the event being handled. What a batch publishes without causes
   * comes from all of it.
   */
  #storyOf({ causes, correlation }: Sending): OutputStory | undefined {
    if ((causes.length === 0 && this.#isSingle) || this.#replay !== undefined) return undefined;
    return storyOf(causes.length > 0 ? causes : this.#allAsCauses(), this.#events, correlation, this.#opener.limits);
  }

  #allAsCauses(): readonly Cause[] {
    return this.#processing.entries.map(({ eventId, carrier }) => ({ id: eventId, traceparent: carrier.traceparent }));
  }

  /** The place of an output's span. `active`: the context in which it is published. */
  #placeOf(story: OutputStory | undefined, active: Context, sending: Sending): SendPlace {
    if (story !== undefined) {
      const place = placeIn(story, active, active === this || active === ROOT_CONTEXT, this.#spans);
      return this.#isContinuedBy(sending) ? { ...place, isContinued: true } : place;
    }
    const [own] = this.#isSingle && this.#spans !== undefined ? this.#events.storiesAt(0) : [];
    return own === undefined ? plainPlace(active) : { ...plainPlace(active), ids: own.ids };
  }

  /** True where the one event being handled is among the causes that an output states. */
  #isContinuedBy({ causes }: Sending): boolean {
    const [entry] = this.#processing.entries;
    return this.#isSingle && entry !== undefined && causes.some(({ id }) => id === entry.eventId);
  }

  /** The trace fields of an output of which no span is kept. */
  #carrierOf(story: OutputStory | undefined): Carrier {
    return story?.carrier ?? this.#passing();
  }

  /**
   * Handles the usual case: nobody has changed the event's baggage, and it holds short plain ids. The field goes on as
   * it is, and where no span is kept the trace fields do, too. Undefined in any other case.
   */
  #pass(sending: Sending, story: OutputStory | undefined): SendSpan | undefined {
    const { entries } = this.#processing;
    const [entry] = entries;
    const opener = this.#opener;
    if (entry === undefined || entries.length > 1) return undefined;
    if (sending.baggage !== undefined || this.#replay !== undefined) return undefined;
    if (this.#isContext) {
      if (context.active() !== this) return undefined;
    } else if (currentSource() !== undefined || !isActiveAlone(this)) return undefined;
    try {
      const field = this.#fieldOf(entry);
      const baggage = field === undefined ? undefined : passedBaggage(field, sending.correlation, opener.limits);
      if (baggage === undefined) return undefined;
      const passing = this.#carrierOf(story);
      if (this.#spans !== undefined)
        return opener.openPlainSend("send", this.#placeOf(story, this, sending), baggage, passing, sending);
      const carrier = new TraceFields(passing.traceparent, passing.tracestate, baggage, passing.stories ?? "");
      if (!opener.meters.recording) return new PassedSend(carrier);
      return new SendScope(opener, sending.channel.name, undefined, carrier);
    } catch {
      return undefined; // the correlation throws when it is read: the careful way deals with it
    }
  }

  /** The entry's baggage field, with what only its payload says; undefined where that has to be taken apart. */
  #fieldOf({ carrier: { baggage }, correlation }: Delivered): string | undefined {
    if (this.#field !== undefined) return this.#field;
    const isWhole = hasAllOf(baggage, correlation);
    this.#field = isWhole ? baggage : passedBaggage(baggage, correlation, this.#opener.limits);
    return this.#field;
  }

  sendDead(): SendSpan {
    const { faults } = this.#opener;
    const carrier = this.#processing.entries[0]?.carrier ?? noCarrier;
    const source = currentSource();
    const span = this.#main;
    if (source === undefined || span === undefined || this.#replay !== undefined) return new PassedSend(carrier);
    return faults.attempt(
      "send",
      () =>
        new UnmeasuredSend(
          faults,
          openDead(source, this.#opener, this.#processing, this.#events, span.spanContext(), this),
          carrier,
        ),
      inertSend,
    );
  }

  get traceparent(): string {
    const own = this.#main?.spanContext() ?? this.#declined;
    return own === undefined ? "" : traceparentOf(own);
  }

  settled(outcome: Outcome, error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#opener.faults.attempt("settle", () => this.#settle(outcome, error), undefined);
  }

  #settle(outcome: Outcome, error: unknown): void {
    const { meters, earlier } = this.#opener;
    const failed = error !== undefined || outcome === "retried" || outcome === "deadLettered";
    const errorType = failed ? errorTypeOf(error) : undefined;
    const main = this.#main;
    if (main !== undefined) {
      this.#spans?.end(outcome, errorType, error);
      if (this.#replay === undefined) earlier.note(this.#processing, main.spanContext(), outcome);
    }
    if (meters.recording && this.#replay === undefined)
      meters.settled(this.#processing, this.#startedAt, Date.now(), outcome, errorType);
  }

  /** The baggage that is active in the handler: a single event's. A batch has none of its own. */
  get baggage(): Baggage {
    return this.#events.baggage;
  }

  /** The baggage of one of its events; empty for any other. */
  baggageOf(eventId: string): Baggage {
    return this.#events.baggages[this.#events.indexOf(eventId)] ?? noBaggage;
  }

  /** The baggage of an output: the inherited one, overridden by what the handler itself made active. */
  #baggageOver(inherited: Baggage, around: Baggage | undefined): Baggage {
    if (this.#isSingle) return around ?? inherited;
    return around === undefined || around.size === 0 ? inherited : new Map([...inherited, ...around]);
  }

  /** What was published past the tools continues the story of its causes, else that of the event being handled. */
  place(sending: Sending, active: Context): { readonly place: SendPlace; readonly passing: Carrier } {
    const story = this.#storyOf(sending);
    return { place: this.#placeOf(story, active, sending), passing: this.#carrierOf(story) };
  }

  /** The carrier of an output of the event being handled, where no span is kept. */
  #passing(): Carrier {
    const { entries } = this.#processing;
    const [entry] = entries;
    if (entry === undefined || entries.length > 1) return noCarrier;
    const declined = this.#declined;
    if (declined !== undefined) {
      // Its ids were read from the carrier, so that they need no second check.
      if (declined.isRemote === true && entry.carrier.tracestate === "") return entry.carrier;
      return new TraceFields(traceparentOf(declined), tracestateOf(declined), "", "");
    }
    if (this.#spans !== undefined) {
      const { stories = "" } = entry.carrier;
      return stories === "" ? noCarrier : new TraceFields("", "", "", stories);
    }
    const { channel } = this.#processing;
    return readableCarrier(entry.carrier, (field) => this.#opener.meters.rejected(channel.name, field));
  }
}

/** The span of one attempt: its parent and links, its handler's context, its outputs' carriers, and its end. */

import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import type { Cause } from "../model/event.ts";
import { listOf } from "../model/single-item-list.ts";
import type { Delivered, Outcome, Processing, ProcessSpan, Sending, SendSpan } from "../ports/tracing.ts";
import { attribute, completed, correlate, correlateBatch, correlatePlain, errorTypeOf } from "./attributes.ts";
import { activeBaggage, activeOwner, type BaggageOwner, isActiveAlone, runOwned, toApi } from "./baggage.ts";
import { mergeBaggage } from "./baggage-field.ts";
import { type Baggage, noBaggage, noCarrier, readableCarrier, TraceFields } from "./carrier.ts";
import { baggageKey, ownerKey, spanKey } from "./context-keys.ts";
import { causeContexts, linksTo } from "./links.ts";
import { hasAllOf, passedBaggage } from "./plain-baggage.ts";
import { currentSource, type SpanSource } from "./sdk.ts";
import { fail, inertSend, PassedSend, SendScope, UnmeasuredSend } from "./send-spans.ts";
import type { SpanOpener } from "./span-opener.ts";
import { traceparentOf, tracestateOf } from "./trace-context.ts";

/** The replay that an attempt belongs to. */
export interface ReplayedIn {
  readonly runId: string;
  readonly span: SpanContext | undefined;
}

/**
 * One attempt, and the context in which its handler runs. The span, and a single event's baggage, are made on demand.
 * Without an SDK the attempt only passes the event's carrier on; it does so, too, where the span would not be kept.
 */
export class ProcessScope implements ProcessSpan, BaggageOwner, Context {
  readonly #opener: SpanOpener;
  readonly #processing: Processing;
  /** Set when the attempt is part of a replay. */
  readonly #replay: ReplayedIn | undefined;
  /** Set when the span is kept, or when only its own sampler can tell. */
  #span: Span | undefined;
  /** Set when an SDK is registered and the span would not be kept: the ids that it would have had. */
  #declined: SpanContext | undefined;
  /** The active span in the handler: the span itself, or for a declined one its ids alone. Made on demand. */
  #activeSpan: Span | undefined;
  /** The span that each entry comes from; empty without an SDK. */
  #origins: readonly (SpanContext | undefined)[] = noOrigins;
  #baggages: readonly Baggage[] | undefined;
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
    if (source !== undefined) this.#openSpan(source);
  }

  #openSpan(source: SpanSource): void {
    const { channel, entries } = this.#processing;
    const [entry] = entries;
    if (entry !== undefined && entries.length === 1 && channel.topology === "parent" && this.#replay === undefined) {
      const origin = this.#opener.extract(channel.name, entry.carrier);
      this.#origins = listOf(origin);
      // The parent alone decides here, so that its "no" needs no further look.
      if (origin !== undefined) {
        this.#declined = source.decline({ parent: origin, context: undefined, links: [] });
        if (this.#declined === undefined) this.#openKept(source, origin);
        return;
      }
    } else this.#origins = entries.map(({ carrier }) => this.#opener.extract(channel.name, carrier));
    this.#openKept(source, undefined);
  }

  /** Opens the span, unless it is a root that its links or its id decide against. */
  #openKept(source: SpanSource, parent: SpanContext | undefined): void {
    const processing = this.#processing;
    const { channel, entries } = processing;
    const opener = this.#opener;
    const attributes: Attributes = {};
    const targets: (SpanContext | undefined)[] = [...this.#origins];
    const [entry] = entries;
    const isSingle = entry !== undefined && entries.length === 1;
    if (isSingle && entry.causes.length > 0) targets.push(...causeContexts(entry.causes));
    const replay = this.#replay;
    if (replay === undefined) targets.push(...opener.earlier.of(processing));
    else targets.unshift(replay.span); // comes first, as the last links are dropped where there are too many
    const links = linksTo(targets, attributes);
    if (parent === undefined) {
      this.#declined = source.decline({ parent, context: undefined, links });
      if (this.#declined !== undefined) return;
    }
    if (isSingle) {
      attributes[attribute.entryId] = entry.entryId;
      attributes[attribute.eventId] = entry.eventId;
      if (!correlatePlain(attributes, entry.carrier.baggage, entry.correlation, opener.limits))
        correlate(attributes, this.baggage, entry.correlation);
    } else {
      attributes[attribute.batchSize] = entries.length;
      correlateBatch(attributes, entries, this.#decoded());
    }
    if (replay !== undefined) attributes[attribute.replayRun] = replay.runId;
    const spans = opener.channels.of(channel);
    const statics = spans.processing(processing, attributes);
    this.#span = source.open({
      name: spans.processName,
      kind: SpanKind.CONSUMER,
      statics,
      attributes,
      links,
      parent,
      context: undefined,
    });
    this.#activeSpan = this.#span;
  }

  /** True when an SDK is registered: then this object is the context of the handler. */
  get #isContext(): boolean {
    return this.#span !== undefined || this.#declined !== undefined;
  }

  getValue(key: symbol): unknown {
    if (key === spanKey) {
      if (this.#activeSpan === undefined && this.#declined !== undefined)
        this.#activeSpan = trace.wrapSpanContext(this.#declined);
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

  run<T>(handle: () => T): T {
    if (!this.#isContext) return this.#passesOn() ? runOwned(this, handle) : handle();
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
      return handle();
    }
  }

  send(sending: Sending): SendSpan {
    const passed = this.#pass(sending);
    if (passed !== undefined) return passed;
    try {
      const active = context.active();
      const inside = active.getValue(ownerKey) === this;
      const owner = activeOwner();
      // A handler that had nothing to pass on runs without an owner: what is active in it is its own.
      const ours = inside || owner === this || (owner === undefined && !this.#isContext);
      const around = ours ? activeBaggage() : undefined;
      const parent = inside ? active : this.#isContext ? this : ROOT_CONTEXT;
      const inherited = this.#inherited(sending.causes);
      const base = this.#baggageOver(inherited, around);
      if (this.#replay !== undefined) return this.#opener.passReplayed(this.#span, base, inherited, sending);
      const handled = this.#origins.length === 1 ? this.#origins[0] : undefined;
      return this.#opener.openSend("send", parent, base, this.passing(sending.causes), sending, inherited, handled);
    } catch (error) {
      this.#opener.faults.report("send", error);
      return inertSend;
    }
  }

  /**
   * Handles the usual case: nobody has changed the event's baggage, and it holds short plain ids. The field goes on as
   * it is, and where no span is kept the trace fields do, too. Undefined in any other case.
   */
  #pass(sending: Sending): SendSpan | undefined {
    const { entries } = this.#processing;
    const [entry] = entries;
    const opener = this.#opener;
    if (entry === undefined || entries.length > 1) return undefined;
    if (sending.baggage !== undefined || this.#replay !== undefined) return undefined;
    if (this.#isContext) {
      if (context.active() !== this) return undefined;
    } else if (currentSource() !== undefined || !isActiveAlone(this.#passesOn() ? this : undefined)) return undefined;
    try {
      const field = this.#fieldOf(entry);
      const baggage = field === undefined ? undefined : passedBaggage(field, sending.correlation, opener.limits);
      if (baggage === undefined) return undefined;
      const passing = this.passing(sending.causes);
      if (this.#span !== undefined)
        return opener.openPlainSend("send", this, baggage, passing, sending, this.#origins[0]);
      const carrier = new TraceFields(passing.traceparent, passing.tracestate, baggage);
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
    const span = this.#span;
    if (source === undefined || span === undefined || this.#replay !== undefined) return new PassedSend(carrier);
    return faults.attempt("send", () => new UnmeasuredSend(faults, this.#openDead(source, span), carrier), inertSend);
  }

  #openDead(source: SpanSource, parent: Span): Span {
    const { channel, entries, partition } = this.#processing;
    const spans = this.#opener.channels.of(channel);
    const attributes: Attributes = {};
    const [entry] = entries;
    if (entry !== undefined && entries.length === 1) attributes[attribute.eventId] = entry.eventId;
    correlateBatch(attributes, entries, this.#decoded());
    const links = linksTo(this.#origins, attributes);
    return source.open({
      name: spans.sendDeadName,
      kind: SpanKind.CLIENT,
      statics: spans.of("sendDead", partition),
      attributes,
      links,
      parent: parent.spanContext(),
      context: this,
    });
  }

  get traceparent(): string {
    const own = this.#span?.spanContext() ?? this.#declined;
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
    const span = this.#span;
    if (span !== undefined) {
      span.setAttribute(attribute.outcome, outcome);
      if (errorType !== undefined) fail(span, errorType, error);
      span.end();
      if (this.#replay === undefined) earlier.note(this.#processing, span.spanContext(), outcome);
    }
    if (meters.recording && this.#replay === undefined)
      meters.settled(this.#processing, this.#startedAt, Date.now(), outcome, errorType);
  }

  /** The baggage that is active in the handler: a single event's. A batch has none of its own. */
  get baggage(): Baggage {
    return this.#processing.entries.length === 1 ? (this.#decoded()[0] ?? noBaggage) : noBaggage;
  }

  /** The baggage of one of its events; empty for any other. */
  baggageOf(eventId: string): Baggage {
    const at = this.#processing.entries.findIndex((entry) => entry.eventId === eventId);
    return this.#decoded()[at] ?? noBaggage;
  }

  #decoded(): readonly Baggage[] {
    const { entries, channel } = this.#processing;
    this.#baggages ??= entries.map(({ carrier, correlation }) =>
      completed(this.#opener.decodeBaggage(channel.name, carrier), correlation),
    );
    return this.#baggages;
  }

  /** The baggage of the events that an output was derived from. */
  #inherited(causes: readonly Cause[]): Baggage {
    const { entries } = this.#processing;
    if (entries.length === 1) return this.baggage;
    const decoded = this.#decoded();
    return mergeBaggage(causes.length === 0 ? decoded : decoded.filter((_, i) => isCause(entries[i], causes)));
  }

  /** The baggage of an output: the inherited one, overridden by what the handler itself made active. */
  #baggageOver(inherited: Baggage, around: Baggage | undefined): Baggage {
    if (this.#processing.entries.length === 1) return around ?? inherited;
    return around === undefined || around.size === 0 ? inherited : new Map([...inherited, ...around]);
  }

  #passesOn(): boolean {
    return this.#processing.entries.some(({ carrier }) => carrier.traceparent !== "" || carrier.baggage !== "");
  }

  /** The carrier of an output where no span is kept: that of its one cause, where it has one only. */
  passing(causes: readonly Cause[]): Carrier {
    const { entries, channel } = this.#processing;
    const [cause] = causes;
    const declined = this.#declined;
    if (declined !== undefined) {
      if (declined !== this.#origins[0]) return new TraceFields(traceparentOf(declined), tracestateOf(declined), "");
      // The ids were read from the carrier, so that they need no second check.
      const [entry] = entries;
      if (entry !== undefined && entries.length === 1 && entry.carrier.tracestate === "") return entry.carrier;
    }
    if (this.#span !== undefined || (entries.length > 1 && causes.length !== 1)) return noCarrier;
    const source = entries.length === 1 ? entries[0] : entries.find(({ eventId }) => eventId === cause?.id);
    const carrier = source?.carrier ?? new TraceFields(cause?.traceparent ?? "", "", "");
    return readableCarrier(carrier, (field) => this.#opener.meters.rejected(channel.name, field));
  }
}

const noOrigins: readonly (SpanContext | undefined)[] = Object.freeze([]);

function isCause(entry: Delivered | undefined, causes: readonly Cause[]): boolean {
  return causes.some(({ id }) => id === entry?.eventId);
}

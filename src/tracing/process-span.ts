/** The span of one attempt: what it continues, what its handler and outputs see of it, and how it ends. */

import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Cause } from "../event.ts";
import type { Carrier, Delivered, Outcome, Processing, ProcessSpan, Sending, SendSpan } from "../ports.ts";
import { attribute, correlate, correlateBatch, errorTypeOf, processAttributes } from "./attributes.ts";
import { activeBaggage, activeOwner, type BaggageOwner, isActiveAlone, runOwned, toApi } from "./baggage.ts";
import {
  type Baggage,
  mergeBaggage,
  noBaggage,
  noCarrier,
  passedBaggage,
  readableCarrier,
  traceparentOf,
} from "./carrier.ts";
import { causeContexts, linksTo } from "./links.ts";
import { currentTracer } from "./sdk.ts";
import { fail, inertSend, PassedSend, UnmeasuredSend } from "./send-spans.ts";
import type { Collector } from "./tracer.ts";

/** Tells from a context whose handler runs in it. */
const ownerKey = createContextKey("throughline process span");

/** The replay that an attempt belongs to. */
export interface ReplayedIn {
  readonly runId: string;
  readonly span: SpanContext | undefined;
}

/** One attempt. Without a tracer it only passes the event's carrier on, and reads no more of it than it must. */
export class ProcessScope implements ProcessSpan, BaggageOwner {
  readonly #collector: Collector;
  readonly #processing: Processing;
  /** Set where it is part of a replay. */
  readonly #replay: ReplayedIn | undefined;
  #span: Span | undefined;
  /** Root or the producer's context, with this span and, for a single event, its baggage. */
  #context: Context | undefined;
  #origins: readonly (SpanContext | undefined)[] = [];
  #baggages: readonly Baggage[] | undefined;
  #startedAt = 0;
  #ended = false;

  constructor(collector: Collector, processing: Processing, replay?: ReplayedIn) {
    this.#collector = collector;
    this.#processing = processing;
    this.#replay = replay;
  }

  open(): void {
    const { meters, serverNow } = this.#collector;
    const { entries, channel, component, claimed } = this.#processing;
    if (meters.recording && this.#replay === undefined) {
      this.#startedAt = performance.now();
      const now = serverNow();
      const waitedMs = entries.map(({ entryId }) => now - Number.parseInt(entryId, 10));
      meters.started({ channel: channel.name, component }, waitedMs, claimed);
    }
    const tracer = currentTracer();
    if (tracer !== undefined) this.#openSpan(tracer);
  }

  #openSpan(tracer: Tracer): void {
    const processing = this.#processing;
    const { channel, entries } = processing;
    const collector = this.#collector;
    const spans = collector.channels.of(channel);
    const attributes = processAttributes(spans.process, processing);
    const contexts = entries.map(({ carrier }) => collector.extract(channel.name, carrier));
    this.#origins = contexts.map((origin) => (origin === undefined ? undefined : trace.getSpanContext(origin)));
    const targets: (SpanContext | undefined)[] = [...this.#origins];
    const [entry] = entries;
    const single = entry !== undefined && entries.length === 1;
    if (single) {
      correlate(attributes, this.baggage, entry.correlation);
      targets.push(...causeContexts(entry.causes));
    } else correlateBatch(attributes, entries, this.#decoded());
    const replay = this.#replay;
    if (replay === undefined) targets.push(...collector.earlier.of(processing));
    else {
      attributes[attribute.replayRun] = replay.runId;
      targets.unshift(replay.span); // first, as the ones at the end are dropped where there are too many
    }
    const links = linksTo(targets, attributes);
    const continues = single && channel.topology === "parent" && replay === undefined;
    const parent = (continues && contexts[0]) || ROOT_CONTEXT;
    const span = tracer.startSpan(spans.processName, { kind: SpanKind.CONSUMER, attributes, links }, parent);
    this.#span = span;
    const own = trace.setSpan(ROOT_CONTEXT, span).setValue(ownerKey, this);
    this.#context = this.baggage.size === 0 ? own : propagation.setBaggage(own, toApi(this.baggage));
  }

  run<T>(handle: () => T): T {
    const own = this.#context;
    if (own === undefined) return this.#passesOn() ? runOwned(this, handle) : handle();
    let entered = false;
    try {
      return context.with(own, () => {
        entered = true;
        // Without a context manager nothing is active: our own storage carries at least the baggage.
        return context.active() === own ? handle() : runOwned(this, handle);
      });
    } catch (error) {
      if (entered) throw error;
      this.#collector.faults.report("context", error);
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
      // Under no owner a handler runs that had nothing to pass on: what is active then is its own.
      const ours = inside || owner === this || (owner === undefined && this.#context === undefined);
      const around = ours ? activeBaggage() : undefined;
      const parent = inside ? active : (this.#context ?? ROOT_CONTEXT);
      const behind = this.#baggageBehind(sending.causes, around);
      if (this.#replay !== undefined) return this.#collector.passReplayed(this.#span, behind, sending);
      const handled = this.#origins.length === 1 ? this.#origins[0] : undefined;
      return this.#collector.openSend("send", parent, behind, this.passing(sending.causes), sending, handled);
    } catch (error) {
      this.#collector.faults.report("send", error);
      return inertSend;
    }
  }

  /** The usual case where nothing is traced or measured: what came with the event goes on as it is. Undefined in any other. */
  #pass(sending: Sending): SendSpan | undefined {
    const { entries } = this.#processing;
    const [entry] = entries;
    const collector = this.#collector;
    if (entry === undefined || entries.length > 1 || this.#span !== undefined || collector.meters.recording)
      return undefined;
    if (sending.baggage !== undefined || this.#replay !== undefined || currentTracer() !== undefined) return undefined;
    if (!isActiveAlone(this.#passesOn() ? this : undefined)) return undefined;
    try {
      const baggage = passedBaggage(entry.carrier.baggage, sending.correlation, collector.limits);
      if (baggage === undefined) return undefined;
      const { traceparent, tracestate } = this.passing(sending.causes);
      return new PassedSend({ traceparent, tracestate, baggage });
    } catch {
      return undefined; // a correlation that throws when it is looked at: the careful way deals with it
    }
  }

  sendDead(): SendSpan {
    const { faults } = this.#collector;
    const carrier = this.#processing.entries[0]?.carrier ?? noCarrier;
    const tracer = currentTracer();
    const parent = this.#replay === undefined ? this.#context : undefined;
    if (tracer === undefined || parent === undefined) return new PassedSend(carrier);
    return faults.attempt("send", () => new UnmeasuredSend(faults, this.#openDead(tracer, parent), carrier), inertSend);
  }

  #openDead(tracer: Tracer, parent: Context): Span {
    const { channel, entries, partition } = this.#processing;
    const spans = this.#collector.channels.of(channel);
    const attributes: Attributes = { ...spans.sendDead, [attribute.partition]: String(partition) };
    const [entry] = entries;
    if (entry !== undefined && entries.length === 1) attributes[attribute.eventId] = entry.eventId;
    correlateBatch(attributes, entries, this.#decoded());
    const links = linksTo(this.#origins, attributes);
    return tracer.startSpan(spans.sendDeadName, { kind: SpanKind.CLIENT, attributes, links }, parent);
  }

  get traceparent(): string {
    return this.#span === undefined ? "" : traceparentOf(this.#span.spanContext());
  }

  settled(outcome: Outcome, error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#collector.faults.attempt("settle", () => this.#settle(outcome, error), undefined);
  }

  #settle(outcome: Outcome, error: unknown): void {
    const { meters, earlier } = this.#collector;
    const { channel, component, entries } = this.#processing;
    const failed = error !== undefined || outcome === "retried" || outcome === "deadLettered";
    const errorType = failed ? errorTypeOf(error) : undefined;
    const span = this.#span;
    if (span !== undefined) {
      span.setAttribute(attribute.outcome, outcome);
      if (errorType !== undefined) fail(span, errorType, error);
      span.end();
      if (this.#replay === undefined) earlier.note(this.#processing, span.spanContext(), outcome);
    }
    if (!meters.recording || this.#replay !== undefined) return;
    const now = Date.now();
    const agesMs = entries.map(({ time }) => now - time);
    meters.settled({ channel: channel.name, component }, this.#startedAt, agesMs, outcome, errorType);
  }

  /** What is active in the handler: a single event's baggage. A batch has none of its own. */
  get baggage(): Baggage {
    return this.#processing.entries.length === 1 ? (this.#decoded()[0] ?? noBaggage) : noBaggage;
  }

  #decoded(): readonly Baggage[] {
    const { entries, channel } = this.#processing;
    this.#baggages ??= entries.map(({ carrier }) => this.#collector.decodeBaggage(channel.name, carrier));
    return this.#baggages;
  }

  /** The baggage of an output: of the events that it was derived from, and over it what the handler itself made active. */
  #baggageBehind(causes: readonly Cause[], around: Baggage | undefined): Baggage {
    const { entries } = this.#processing;
    if (entries.length === 1) return around ?? this.baggage;
    const decoded = this.#decoded();
    const behind = mergeBaggage(causes.length === 0 ? decoded : decoded.filter((_, i) => isCause(entries[i], causes)));
    return around === undefined || around.size === 0 ? behind : new Map([...behind, ...around]);
  }

  #passesOn(): boolean {
    return this.#processing.entries.some(({ carrier }) => carrier.traceparent !== "" || carrier.baggage !== "");
  }

  /** The carrier that an output passes on where no tracer is registered: of the one event behind it, if it is one. */
  passing(causes: readonly Cause[]): Carrier {
    const { entries, channel } = this.#processing;
    const [cause] = causes;
    if (this.#span !== undefined || (entries.length > 1 && causes.length !== 1)) return noCarrier;
    const source = entries.length === 1 ? entries[0] : entries.find(({ eventId }) => eventId === cause?.id);
    const carrier = source?.carrier ?? { ...noCarrier, traceparent: cause?.traceparent ?? "" };
    return readableCarrier(carrier, (field) => this.#collector.meters.rejected(channel.name, field));
  }
}

function isCause(entry: Delivered | undefined, causes: readonly Cause[]): boolean {
  return causes.some(({ id }) => id === entry?.eventId);
}

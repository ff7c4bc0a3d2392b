/** The collector: opens, links and ends every span of the backbone, one method per moment of an event's way. */

import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from "@opentelemetry/api";
import type { Log } from "../ports/log.ts";
import type {
  Carrier,
  GroupGauges,
  HandlerGauge,
  Processing,
  ProcessSpan,
  Replaying,
  ReplaySpan,
  Sending,
  SendSpan,
  Tracing,
} from "../ports/tracing.ts";
import { EarlierAttempts } from "./attempts.ts";
import {
  attribute,
  baggageValueOf,
  ChannelSpansCache,
  correlate,
  correlateBatch,
  correlatePlain,
  type ServerAddress,
} from "./attributes.ts";
import { activeBaggage, activeOwner, runBare } from "./baggage.ts";
import {
  type Baggage,
  type CarrierLimits,
  decodeBaggage,
  encodeBaggage,
  noBaggage,
  noCarrier,
  originOf,
  passedBaggage,
  resolveLimits,
  TraceFields,
} from "./carrier.ts";
import { causeContexts, linksTo } from "./links.ts";
import { Meters } from "./metrics.ts";
import { ProcessScope } from "./process-span.ts";
import { ReplayScope } from "./replay-span.ts";
import { FaultReport } from "./report.ts";
import { currentSource, type SpanSource } from "./sdk.ts";
import { GroupedSend, inertSend, PassedSend, SendGroup, SendScope } from "./send-spans.ts";
import { suppress } from "./suppression.ts";
import { spanContextOf, traceparentOf, tracestateOf } from "./trace-context.ts";

export interface TracingOptions extends Partial<CarrierLimits> {
  readonly log: Log;
  readonly server?: ServerAddress;
  /** Keeps the Redis instrumentation's spans of the backbone's own commands. Default false: they would be most of all spans. */
  readonly redisSpans?: boolean;
  /** Epoch ms on Redis's clock, for waiting times without the skew between hosts. Default: this host's clock. */
  readonly serverNow?: () => number;
}

/** @throws {ConfigError} on limits that cannot be; nothing of what it returns throws. */
export function createTracing(options: TracingOptions): Tracing {
  const { log, server, redisSpans, serverNow, ...limits } = options;
  return new Collector(log, server, redisSpans ?? false, serverNow ?? Date.now, resolveLimits(limits));
}

/** What `createTracing` gives; the span modules open their spans through it. */
export class Collector implements Tracing {
  readonly faults: FaultReport;
  readonly limits: CarrierLimits;
  readonly serverNow: () => number;
  readonly meters: Meters = new Meters();
  readonly channels: ChannelSpansCache;
  readonly earlier: EarlierAttempts = new EarlierAttempts();
  readonly #redisSpans: boolean;

  constructor(
    log: Log,
    server: ServerAddress | undefined,
    redisSpans: boolean,
    serverNow: () => number,
    limits: CarrierLimits,
  ) {
    this.faults = new FaultReport(log);
    this.channels = new ChannelSpansCache(server);
    this.limits = limits;
    this.serverNow = serverNow;
    this.#redisSpans = redisSpans;
  }

  send(sending: Sending): SendSpan {
    const owner = activeOwner();
    const passing = owner instanceof ProcessScope ? owner.passing(sending.causes) : noCarrier;
    return this.openSend("send", context.active(), activeBaggage(), passing, sending);
  }

  sendAll(sendings: readonly Sending[]): readonly SendSpan[] {
    const source = currentSource();
    if (source === undefined) return sendings.map((sending) => this.send(sending));
    const active = context.active();
    const baggage = activeBaggage();
    const creates = sendings.map((sending) => this.openSend("create", active, baggage, noCarrier, sending));
    const open = () => {
      const span = this.#openSendAll(source, active, baggage, sendings, creates);
      const group = new SendGroup(this.faults, span, creates.length);
      return creates.map((create) => new GroupedSend(create, group));
    };
    return this.faults.attempt<readonly SendSpan[]>("send", open, creates);
  }

  process(processing: Processing): ProcessSpan {
    const scope = new ProcessScope(this, processing);
    this.faults.attempt("process", () => scope.open(), undefined);
    return scope;
  }

  replay(replaying: Replaying): ReplaySpan {
    const scope = new ReplayScope(this, replaying);
    this.faults.attempt("replay", () => scope.open(), undefined);
    return scope;
  }

  active(): string {
    const active = trace.getSpanContext(context.active());
    return active === undefined ? "" : traceparentOf(active);
  }

  quietly<T>(run: () => T): T {
    if (this.#redisSpans || currentSource() === undefined) return run();
    return context.with(suppress(context.active()), run);
  }

  atRoot<T>(run: () => T): T {
    return runBare(() => context.with(ROOT_CONTEXT, run));
  }

  lost(channel: string, component: string, count: number): void {
    this.faults.attempt("metrics", () => this.meters.lost(channel, component, count), undefined);
  }

  trimmed(channel: string, count: number): void {
    this.faults.attempt("metrics", () => this.meters.trimmed(channel, count), undefined);
  }

  observe(read: () => Promise<readonly GroupGauges[]>): () => void {
    const onError = (error: unknown) => this.faults.report("gauges", error);
    const stop = this.faults.attempt(
      "metrics",
      () => this.meters.observe(read, onError),
      () => {},
    );
    return () => this.faults.attempt("metrics", stop, undefined);
  }

  observeHandlers(read: () => readonly HandlerGauge[]): () => void {
    const stop = this.faults.attempt(
      "metrics",
      () => this.meters.observeHandlers(read),
      () => {},
    );
    return () => this.faults.attempt("metrics", stop, undefined);
  }

  /**
   * A `send` or `create` span and the carrier that names it; without an SDK the carrier that is passed on. `handled` is the one
   * event whose handler publishes.
   */
  openSend(
    verb: "send" | "create",
    parent: Context,
    base: Baggage | undefined,
    passing: Carrier,
    sending: Sending,
    handled?: SpanContext,
  ): SendSpan {
    try {
      const isAlone = (base === undefined || base.size === 0) && sending.baggage === undefined;
      const plain = isAlone ? passedBaggage("", sending.correlation, this.limits) : undefined;
      if (plain !== undefined) return this.openPlainSend(verb, parent, plain, passing, sending, handled);
      const baggage = this.#baggageFor(base, sending);
      const field = baggage.size === 0 ? "" : encodeBaggage(baggage, this.limits);
      return this.#openSend(verb, parent, field, baggage, passing, sending, handled);
    } catch (error) {
      this.faults.report("send", error);
      return passing === noCarrier ? inertSend : new PassedSend(passing);
    }
  }

  /** As `openSend`, where the baggage field is known already, and has nothing but short plain ids. */
  openPlainSend(
    verb: "send" | "create",
    parent: Context,
    field: string,
    passing: Carrier,
    sending: Sending,
    handled: SpanContext | undefined,
  ): SendSpan {
    return this.#openSend(verb, parent, field, undefined, passing, sending, handled);
  }

  #openSend(
    verb: "send" | "create",
    parent: Context,
    field: string,
    baggage: Baggage | undefined,
    passing: Carrier,
    sending: Sending,
    handled: SpanContext | undefined,
  ): SendSpan {
    const source = currentSource();
    const channel = sending.channel.name;
    let carrier = passedOn(passing, field);
    if (source !== undefined) {
      try {
        const span = this.#startSend(source, verb, parent, field, baggage, sending, handled);
        if ("end" in span) return new SendScope(this, channel, span, carrierOf(span.spanContext(), field));
        carrier = carrierOf(span, field);
      } catch (error) {
        this.faults.report("send", error);
      }
    }
    if (this.meters.recording) return new SendScope(this, channel, undefined, carrier);
    return carrier === noCarrier ? inertSend : new PassedSend(carrier);
  }

  /** What an output of a replay carries: it names the attempt that made it, and no span says that it was sent. */
  passReplayed(span: Span | undefined, base: Baggage | undefined, sending: Sending): SendSpan {
    const baggage = this.#baggageFor(base, sending);
    const text = baggage.size === 0 ? "" : encodeBaggage(baggage, this.limits);
    return new PassedSend(span === undefined ? passedOn(noCarrier, text) : this.inject(span, text));
  }

  /** The span, or the name of one that is not kept. */
  #startSend(
    source: SpanSource,
    verb: "send" | "create",
    parent: Context,
    field: string,
    baggage: Baggage | undefined,
    sending: Sending,
    handled: SpanContext | undefined,
  ): Span | SpanContext {
    const attributes: Attributes = {};
    // Who states causes means them beside the event being handled; without them the parent says enough.
    const links = sending.causes.length === 0 ? [] : linksTo([handled, ...causeContexts(sending.causes)], attributes);
    const place = { parent: trace.getSpanContext(parent), context: parent, links };
    const declined = source.decline(place);
    if (declined !== undefined) return declined;
    attributes[attribute.eventId] = sending.eventId;
    if (baggage === undefined) correlatePlain(attributes, field, sending.correlation, this.limits);
    else correlate(attributes, baggage, sending.correlation);
    const spans = this.channels.of(sending.channel);
    const name = verb === "send" ? spans.sendName : spans.createName;
    const statics = spans.of(verb, sending.partition);
    return source.open({ ...place, name, kind: SpanKind.PRODUCER, statics, attributes });
  }

  #openSendAll(
    source: SpanSource,
    parent: Context,
    base: Baggage | undefined,
    sendings: readonly Sending[],
    creates: readonly SendSpan[],
  ): Span {
    const [first] = sendings;
    const oneChannel = first !== undefined && sendings.every(({ channel }) => channel.name === first.channel.name);
    const statics = oneChannel ? this.channels.of(first.channel).send : sendToMany;
    const attributes: Attributes = { [attribute.batchSize]: sendings.length };
    if (first !== undefined && sendings.every(({ partition }) => partition === first.partition))
      attributes[attribute.partition] = String(first.partition);
    const baggages = sendings.map((sending) => this.#baggageFor(base, sending));
    correlateBatch(attributes, sendings, baggages);
    const contexts = creates.map(({ carrier }) => spanContextOf(carrier.traceparent));
    const links = linksTo(contexts, attributes);
    const name = oneChannel ? this.channels.of(first.channel).sendName : "send";
    const place = { parent: trace.getSpanContext(parent), context: parent, links };
    const declined = source.decline(place);
    if (declined !== undefined) return trace.wrapSpanContext(declined);
    return source.open({ ...place, name, kind: SpanKind.CLIENT, statics, attributes });
  }

  /** What of the allow-list travels: stated for this publish, else in the payload, else active. */
  #baggageFor(base: Baggage | undefined, sending: Sending): Baggage {
    let baggage: Map<string, string> | undefined;
    for (const key of this.limits.baggageKeys) {
      const value =
        textOf(sending.baggage?.[key]) ??
        baggageValueOf(sending.correlation, key) ??
        (base === undefined ? undefined : base.get(key));
      if (value === undefined) continue;
      baggage ??= new Map();
      baggage.set(key, value);
    }
    return baggage ?? noBaggage;
  }

  /**
   * The wire holds W3C fields whatever propagators are registered, so they are written and read here: the registered ones take a
   * microsecond each way, and may be none.
   */
  inject(span: Span, baggage: string): Carrier {
    return carrierOf(span.spanContext(), baggage);
  }

  /** The span that a carrier names; undefined where it names none. Unreadable fields are counted. */
  extract(channel: string, carrier: Carrier): SpanContext | undefined {
    return originOf(carrier, (field) => this.meters.rejected(channel, field));
  }

  decodeBaggage(channel: string, carrier: Carrier): Baggage {
    if (carrier.baggage === "") return noBaggage;
    return decodeBaggage(carrier.baggage, this.limits, (field) => this.meters.rejected(channel, field));
  }
}

function carrierOf(spanContext: SpanContext, baggage: string): Carrier {
  return new TraceFields(traceparentOf(spanContext), tracestateOf(spanContext), baggage);
}

function passedOn({ traceparent, tracestate }: Carrier, baggage: string): Carrier {
  return traceparent === "" && baggage === "" ? noCarrier : new TraceFields(traceparent, tracestate, baggage);
}

/** Of a `publishAll` into several channels. */
const sendToMany: Attributes = Object.freeze({
  [attribute.system]: "redis",
  [attribute.operationName]: "send",
  [attribute.operationType]: "send",
});

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

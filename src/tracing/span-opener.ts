/** Opens the spans of writing an entry together with its carrier, and holds what all spans of a backbone share. */

import {
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import type { Log } from "../ports/log.ts";
import type { Sending, SendSpan } from "../ports/tracing.ts";
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
import { decodeBaggage, encodeBaggage } from "./baggage-field.ts";
import {
  type Baggage,
  type CarrierLimits,
  noBaggage,
  noCarrier,
  type OnLeftOut,
  originOf,
  TraceFields,
} from "./carrier.ts";
import { WriteIdentity } from "./derived-ids.ts";
import { LeftOutBaggage } from "./left-out.ts";
import { linksTo } from "./links.ts";
import { Meters } from "./metrics.ts";
import { passedBaggage } from "./plain-baggage.ts";
import { FaultReport } from "./report.ts";
import { currentSource, type SpanSource } from "./sdk.ts";
import type { SendPlace } from "./send-place.ts";
import { inertSend, PassedSend, SendScope } from "./send-spans.ts";
import { applyIds, maxStories } from "./stories-field.ts";
import { spanContextOf, traceparentOf, tracestateOf } from "./trace-context.ts";

/** Opens send spans, and holds what all spans of one backbone share. */
export class SpanOpener {
  readonly faults: FaultReport;
  readonly limits: CarrierLimits;
  readonly serverNow: () => number;
  readonly meters: Meters;
  readonly channels: ChannelSpansCache;
  readonly leftOut: LeftOutBaggage;
  readonly earlier: EarlierAttempts = new EarlierAttempts();
  /** Of the backbone: the ids of its spans derive from it, too. */
  readonly namespace: string;

  constructor(
    log: Log,
    server: ServerAddress | undefined,
    serverNow: () => number,
    limits: CarrierLimits,
    namespace: string,
  ) {
    this.namespace = namespace;
    this.faults = new FaultReport(log);
    this.meters = new Meters(server);
    this.channels = new ChannelSpansCache(server);
    this.limits = limits;
    this.leftOut = new LeftOutBaggage(log, this.meters, limits);
    this.serverNow = serverNow;
  }

  /** Opens a `send` or `create` span with a carrier that names it; without an SDK, or where it is not kept, `passing` is passed on. */
  openSend(
    verb: "send" | "create",
    place: SendPlace,
    base: Baggage | undefined,
    passing: Carrier,
    sending: Sending,
    inherited: Baggage | undefined,
  ): SendSpan {
    try {
      const isAlone = (base === undefined || base.size === 0) && sending.baggage === undefined;
      const plain = isAlone ? passedBaggage("", sending.correlation, this.limits) : undefined;
      if (plain !== undefined) return this.openPlainSend(verb, place, plain, passing, sending);
      const { baggage, field } = this.#encoded(base, inherited, sending);
      return this.#openSend(verb, place, field, baggage, passing, sending);
    } catch (error) {
      this.faults.report("send", error);
      return passing === noCarrier ? inertSend : new PassedSend(passing);
    }
  }

  /** Does what `openSend` does, for a known baggage field of short plain ids only. */
  openPlainSend(
    verb: "send" | "create",
    place: SendPlace,
    field: string,
    passing: Carrier,
    sending: Sending,
  ): SendSpan {
    return this.#openSend(verb, place, field, undefined, passing, sending);
  }

  #openSend(
    verb: "send" | "create",
    place: SendPlace,
    field: string,
    baggage: Baggage | undefined,
    passing: Carrier,
    sending: Sending,
  ): SendSpan {
    const source = currentSource();
    const channel = sending.channel.name;
    let carrier = passedOn(passing, field);
    if (source !== undefined) {
      try {
        const span = this.startSend(source, verb, place, field, baggage, sending);
        if ("end" in span)
          return new SendScope(this, channel, span, carrierOf(span.spanContext(), field, passing.stories));
        carrier = carrierOf(span, field);
      } catch (error) {
        this.faults.report("send", error);
      }
    }
    if (this.meters.recording) return new SendScope(this, channel, undefined, carrier);
    return carrier === noCarrier ? inertSend : new PassedSend(carrier);
  }

  /** The carrier of a replay's output names the attempt that made it. There is no send span, as nothing is sent. */
  passReplayed(
    span: Span | undefined,
    base: Baggage | undefined,
    inherited: Baggage | undefined,
    sending: Sending,
  ): SendSpan {
    const { field } = this.#encoded(base, inherited, sending);
    return new PassedSend(span === undefined ? passedOn(noCarrier, field) : this.inject(span, field));
  }

  /** Starts the span; where it is not kept, it is its ids alone. `baggage`: undefined where the field holds short plain ids only. */
  startSend(
    source: SpanSource,
    verb: "send" | "create",
    { parent, context, targets, ids, stories, identity, isContinued }: SendPlace,
    field: string,
    baggage: Baggage | undefined,
    sending: Sending,
  ): Span | SpanContext {
    const attributes: Attributes = {};
    const links = targets.length === 0 ? [] : linksTo(targets, attributes);
    const { eventId, causes } = sending;
    const kind = verb === "create" || causes.length === 0 ? verb : isContinued === true ? "continued" : "caused";
    const place = { parent, context, links, identity: identity ?? new WriteIdentity(kind, eventId) };
    const declined = source.decline(place);
    if (declined !== undefined) return declined;
    attributes[attribute.eventId] = eventId;
    if (baggage === undefined) correlatePlain(attributes, field, sending.correlation, this.limits);
    else correlate(attributes, baggage, sending.correlation);
    applyIds(attributes, ids);
    if (stories > maxStories) attributes[attribute.storiesTotal] = stories;
    const spans = this.channels.of(sending.channel);
    const name = verb === "send" ? spans.sendName : spans.createName;
    const statics = spans.of(verb, sending.partition);
    return source.open({
      parent,
      context,
      links,
      identity: place.identity,
      name,
      kind: SpanKind.PRODUCER,
      statics,
      attributes,
    });
  }

  openSendAll(
    source: SpanSource,
    parent: Context,
    base: Baggage | undefined,
    inherited: Baggage | undefined,
    sendings: readonly Sending[],
    creates: readonly SendSpan[],
  ): Span {
    const [first] = sendings;
    const oneChannel = first !== undefined && sendings.every(({ channel }) => channel.name === first.channel.name);
    const statics = oneChannel ? this.channels.of(first.channel).send : sendToMany;
    const attributes: Attributes = { [attribute.batchSize]: sendings.length };
    if (first !== undefined && sendings.every(({ partition }) => partition === first.partition))
      attributes[attribute.partition] = String(first.partition);
    const baggages = sendings.map((sending) => this.#baggageFor(base, inherited, sending));
    correlateBatch(attributes, sendings, baggages);
    const contexts = creates.map(({ carrier }) => spanContextOf(carrier.traceparent));
    const links = linksTo(contexts, attributes);
    const name = oneChannel ? this.channels.of(first.channel).sendName : "send";
    const place = { parent: trace.getSpanContext(parent), context: parent, links };
    const declined = source.decline(place);
    if (declined !== undefined) return trace.wrapSpanContext(declined);
    return source.open({ ...place, name, kind: SpanKind.CLIENT, statics, attributes });
  }

  /** The baggage of an event, and as much of it as fits into its field. What is left out is counted, and said once. */
  #encoded(
    base: Baggage | undefined,
    inherited: Baggage | undefined,
    sending: Sending,
  ): { readonly baggage: Baggage; readonly field: string } {
    const onLeftOut: OnLeftOut = (key, reason) => this.leftOut.note(sending.channel.name, key, reason);
    const baggage = this.#baggageFor(base, inherited, sending, onLeftOut);
    return { baggage, field: baggage.size === 0 ? "" : encodeBaggage(baggage, this.limits, onLeftOut) };
  }

  /**
   * Gathers the baggage of an event, a key at a time: what its channel's correlation names, then what the backbone allows, then what came with
   * the event being handled. Its value is the one stated for this publish, else the payload's, else the active one.
   */
  #baggageFor(
    base: Baggage | undefined,
    inherited: Baggage | undefined,
    sending: Sending,
    onLeftOut?: OnLeftOut,
  ): Baggage {
    const { correlation, baggage: stated } = sending;
    const baggage = new Map<string, string>();
    const take = (key: string): void => {
      const value = textOf(stated?.[key]) ?? baggageValueOf(correlation, key) ?? base?.get(key);
      if (value !== undefined && !baggage.has(key)) baggage.set(key, value);
    };
    for (const key of Object.keys(correlation)) take(key);
    for (const key of this.limits.allow) take(key);
    if (inherited !== undefined) for (const key of inherited.keys()) take(key);
    if (onLeftOut !== undefined) {
      const offered = new Set(base?.keys());
      for (const [key, value] of Object.entries(stated ?? {})) if (textOf(value) !== undefined) offered.add(key);
      for (const key of offered) if (!baggage.has(key)) onLeftOut(key, "not-allowed");
    }
    return baggage;
  }

  /**
   * Writes W3C fields, whatever propagators are registered. The registered ones take a microsecond each way, and may be
   * none.
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

/** `stories`: of a sampled event. Beyond an unsampled one they would have no span to go on from. */
function carrierOf(spanContext: SpanContext, baggage: string, stories = ""): Carrier {
  const isSampled = (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0;
  return new TraceFields(traceparentOf(spanContext), tracestateOf(spanContext), baggage, isSampled ? stories : "");
}

function passedOn({ traceparent, tracestate, stories = "" }: Carrier, baggage: string): Carrier {
  if (traceparent === "" && baggage === "") return noCarrier;
  return new TraceFields(traceparent, tracestate, baggage, traceparent === "" ? "" : stories);
}

/** Attributes of a `publishAll` into several channels. */
const sendToMany: Attributes = Object.freeze({
  [attribute.system]: "redis",
  [attribute.operationName]: "send",
  [attribute.operationType]: "send",
});

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

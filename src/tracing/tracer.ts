/** The tracing port's adapter: one method for each moment of an event's way. */

import { type Context, context, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import { errorTypeOf } from "../model/error-facts.ts";
import type { Log } from "../ports/log.ts";
import type {
  ComponentGauges,
  HandlerGauge,
  OwnedGauge,
  Processing,
  ProcessSpan,
  ReadinessGauge,
  Replaying,
  ReplaySpan,
  Sending,
  SendSpan,
  SourceEnd,
  Tracing,
} from "../ports/tracing.ts";
import { foreignApi } from "./api-copies.ts";
import { AttemptSpans } from "./attempt-spans.ts";
import type { ServerAddress } from "./attributes.ts";
import { activeBaggage, activeOwner, type BaggageOwner, runBare } from "./baggage.ts";
import { type Baggage, type CarrierLimits, noCarrier, resolveLimits, TraceFields } from "./carrier.ts";
import { ownerKey } from "./context-keys.ts";
import { HandledEvents } from "./handled-events.ts";
import { storyOf } from "./output-story.ts";
import { ProcessScope } from "./process-span.ts";
import { ReplayScope } from "./replay-span.ts";
import { currentSource } from "./sdk.ts";
import { noTargets, plainPlace, type SendPlace } from "./send-place.ts";
import { GroupedSend, SendGroup } from "./send-spans.ts";
import { SpanOpener } from "./span-opener.ts";
import { suppress } from "./suppression.ts";

export interface TracingOptions extends Partial<CarrierLimits> {
  readonly log: Log;
  /** The backbone's: the ids of spans derive from it, too. */
  readonly namespace?: string;
  readonly server?: ServerAddress;
  /**
   * Keeps the spans that the Redis instrumentation makes of the backbone's own commands. Default false: they would be
   * most of all spans.
   */
  readonly redisSpans?: boolean;
  /** Epoch ms on Redis's clock, for waiting times without the skew between hosts. Default: this host's clock. */
  readonly serverNow?: () => number;
}

/** Makes the adapter; none of its methods throws. @throws {ConfigError} on limits that cannot be */
export function createTracing(options: TracingOptions): Tracing {
  const { log, namespace = "", server, redisSpans, serverNow, ...limits } = options;
  const problem = foreignApi();
  if (problem !== undefined) log.warn({}, problem);
  const opener = new SpanOpener(log, server, serverNow ?? Date.now, resolveLimits(limits), namespace);
  return new Tracer(opener, redisSpans ?? false);
}

/** The adapter that `createTracing` makes. */
class Tracer implements Tracing {
  readonly #opener: SpanOpener;
  readonly #redisSpans: boolean;

  constructor(opener: SpanOpener, redisSpans: boolean) {
    this.#opener = opener;
    this.#redisSpans = redisSpans;
  }

  send(sending: Sending, from?: Carrier): SendSpan {
    if (from !== undefined) return this.#sendFrom(sending, from);
    const owner = activeOwner();
    const base = activeBaggage();
    const active = context.active();
    const { place, passing } =
      owner instanceof ProcessScope ? owner.place(sending, active) : this.#place(sending, active);
    return this.#opener.openSend("send", place, base, passing, sending, inheritedBy(owner, base));
  }

  /** What is published outside of handlers continues the active span, or where that is not sampled its first sampled cause. */
  #place(sending: Sending, active: Context): { readonly place: SendPlace; readonly passing: Carrier } {
    const around = trace.getSpanContext(active);
    const plain = plainPlace(active);
    if (sending.causes.length === 0) return { place: plain, passing: noCarrier };
    const story = storyOf(sending.causes, undefined, sending.correlation, this.#opener.limits);
    if (story === undefined) return { place: plain, passing: noCarrier };
    const { chosen, causes, carrier } = story;
    const isSampled = ({ traceFlags }: SpanContext): boolean => (traceFlags & TraceFlags.SAMPLED) !== 0;
    if (around !== undefined && (isSampled(around) || !isSampled(chosen)))
      return { place: { ...plain, targets: causes }, passing: noCarrier };
    const targets = causes.filter(({ spanId }) => spanId !== chosen.spanId);
    const place = { ...plain, parent: chosen, context: trace.setSpanContext(active, chosen), targets };
    return { place, passing: carrier };
  }

  /** What came with the event from outside is its trace and its baggage, whatever is active here. */
  #sendFrom(sending: Sending, from: Carrier): SendSpan {
    const { name } = sending.channel;
    const opener = this.#opener;
    const origin = opener.extract(name, from);
    // Stories are named by an entry, and nothing from outside is one.
    const passing =
      origin === undefined ? noCarrier : new TraceFields(from.traceparent, from.tracestate, from.baggage, "");
    const place = { parent: origin, context: undefined, targets: noTargets, ids: undefined, stories: 0 };
    return opener.openSend("send", place, opener.decodeBaggage(name, from), passing, sending, undefined);
  }

  sendAll(sendings: readonly Sending[]): readonly SendSpan[] {
    const source = currentSource();
    if (source === undefined) return sendings.map((sending) => this.send(sending));
    const active = context.active();
    const baggage = activeBaggage();
    const inherited = inheritedBy(activeOwner(), baggage);
    const creates = sendings.map((sending) => {
      const { place, passing } = this.#place(sending, active);
      return this.#opener.openSend("create", place, baggage, passing, sending, inherited);
    });
    const open = () => {
      const span = this.#opener.openSendAll(source, active, baggage, inherited, sendings, creates);
      const group = new SendGroup(this.#opener.faults, span, creates.length);
      return creates.map((create) => new GroupedSend(create, group));
    };
    return this.#opener.faults.attempt<readonly SendSpan[]>("send", open, creates);
  }

  process(processing: Processing): ProcessSpan {
    const scope = new ProcessScope(this.#opener, processing);
    this.#opener.faults.attempt("process", () => scope.open(), undefined);
    return scope;
  }

  handling(): string | undefined {
    return this.#opener.faults.attempt("context", () => this.#handling(), undefined);
  }

  #handling(): string | undefined {
    const scope = context.active().getValue(ownerKey) ?? activeOwner();
    return scope instanceof ProcessScope ? scope.handledFor(this.#opener) : undefined;
  }

  lostAttempt(processing: Processing, error: Error): void {
    const opener = this.#opener;
    const source = currentSource();
    if (source === undefined) return;
    opener.faults.attempt(
      "process",
      () => {
        const spans = new AttemptSpans(opener, processing, new HandledEvents(opener, processing), undefined);
        spans.open(source);
        if (spans.main === undefined) return;
        spans.end("owner_lost", errorTypeOf(error), error);
        opener.earlier.note(processing, spans.main.spanContext(), "owner_lost");
      },
      undefined,
    );
  }

  replay(replaying: Replaying): ReplaySpan {
    const scope = new ReplayScope(this.#opener, replaying);
    this.#opener.faults.attempt("replay", () => scope.open(), undefined);
    return scope;
  }

  quietly<T>(run: () => T): T {
    if (this.#redisSpans || currentSource() === undefined) return run();
    return context.with(suppress(context.active()), run);
  }

  atRoot<T>(run: () => T): T {
    return runBare(() => context.with(ROOT_CONTEXT, run));
  }

  sourceRan(component: string, partition: number, end: SourceEnd): void {
    this.#opener.faults.attempt("metrics", () => this.#opener.meters.sourceRan(component, partition, end), undefined);
  }

  tookOver(component: string, partition: number): void {
    this.#opener.faults.attempt("metrics", () => this.#opener.meters.tookOver(component, partition), undefined);
  }

  refused(component: string, partition: number, count: number): void {
    this.#opener.faults.attempt("metrics", () => this.#opener.meters.refused(component, partition, count), undefined);
  }

  lost(channel: string, component: string, count: number): void {
    this.#opener.faults.attempt("metrics", () => this.#opener.meters.lost(channel, component, count), undefined);
  }

  trimmed(channel: string, count: number): void {
    this.#opener.faults.attempt("metrics", () => this.#opener.meters.trimmed(channel, count), undefined);
  }

  observe(read: () => Promise<ComponentGauges>): () => void {
    const onError = (error: unknown) => this.#opener.faults.report("gauges", error);
    return this.#observed(() => this.#opener.meters.observe(read, onError));
  }

  observeOwned(read: () => readonly OwnedGauge[]): () => void {
    return this.#observed(() => this.#opener.meters.observeOwned(read));
  }

  observeHandlers(read: () => readonly HandlerGauge[]): () => void {
    return this.#observed(() => this.#opener.meters.observeHandlers(read));
  }

  observeReadiness(read: () => readonly ReadinessGauge[]): () => void {
    return this.#observed(() => this.#opener.meters.observeReadiness(read));
  }

  #observed(register: () => () => void): () => void {
    const stop = this.#opener.faults.attempt("metrics", register, () => {});
    return () => this.#opener.faults.attempt("metrics", stop, undefined);
  }
}

/** The baggage of the event in whose handler something is published; undefined where nothing is active that could be of it. */
function inheritedBy(owner: BaggageOwner | undefined, active: Baggage | undefined): Baggage | undefined {
  return active === undefined ? undefined : owner?.baggage;
}

/** One attempt at a delivery or a batch, from its span to its settlement: tracing is told of it, and the settler is given it. */

import { FencedError, HandlerTimeoutError } from "../model/errors.ts";
import type { Event } from "../model/event.ts";
import type { Fence } from "../ownership/fence.ts";
import type { Acknowledgement, FailedRun, HandlerRun, Output, StateChange } from "../ports/settle.ts";
import type { Processing, ProcessSpan, TracedChannel } from "../ports/tracing.ts";
import type { HandlingContext } from "./context.ts";
import type { Delivery } from "./delivery.ts";
import type { RunningHandler } from "./running-handlers.ts";
import type { Refusal, Submission } from "./settlement-queue.ts";
import { SingleTools } from "./single-tools.ts";
import { Collector } from "./tools.ts";

const noOutputs: readonly Output[] = Object.freeze([]);
const noChanges: readonly StateChange[] = Object.freeze([]);

/** An object for all of it: an event costs little more than the objects that are made for it. */
export class Attempt implements Processing, RunningHandler, Submission, Acknowledgement, HandlerRun {
  readonly kind = "acked";
  readonly channel: TracedChannel;
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  readonly deliveries: readonly Delivery[];
  /** Of a batch the highest of its events. */
  readonly attempt: number;
  readonly claimed: boolean;
  readonly epoch: number;
  readonly run: number;
  readonly startedMs: number;
  readonly span: ProcessSpan;
  startedAt = 0;
  isLate = false;
  tellAfterMs = 0;
  hasLeft = false;
  refusal: Refusal | undefined;
  /** Set by `commit`, as `changes` is. */
  locks: readonly string[];
  changes: readonly StateChange[] = noChanges;
  readonly #context: HandlingContext;
  /** Made for a handler that asks for what it needs one for; many do not. */
  #collector: Collector | undefined;
  /** Why nothing can be added any more; undefined while something can. */
  #end: string | undefined;
  /** Why nothing of it is written; undefined otherwise. */
  #failure: unknown;
  /** Made where the handler has a time of its own. */
  #ownEnd: AbortController | undefined;

  constructor(context: HandlingContext, deliveries: readonly Delivery[]) {
    this.channel = (deliveries[0] as Delivery).subscription.channel;
    this.component = context.component;
    this.member = context.member;
    this.partition = context.partition;
    this.deliveries = deliveries;
    this.locks = lanesOf(deliveries);
    let attempt = 1;
    let claimed = false;
    for (const delivery of deliveries) {
      if (delivery.attempt > attempt) attempt = delivery.attempt;
      if (delivery.claimed) claimed = true;
    }
    this.attempt = attempt;
    this.claimed = claimed;
    const { run, startedAt } = deliveries[0] as Delivery;
    this.epoch = context.hold.claim.epoch;
    this.run = run;
    // A delivery keeps the start of its first attempt here.
    this.startedMs = run === 0 && attempt === 1 && startedAt !== undefined ? startedAt : context.clock.now();
    this.#context = context;
    this.span = context.tracing.process(this);
  }

  get entries(): readonly Delivery[] {
    return this.deliveries;
  }

  /** Runs the handler, with the span active. */
  handle(): void | Promise<void> {
    return this.span.run(() => this.#handle());
  }

  #handle(): void | Promise<void> {
    const [delivery] = this.deliveries as readonly [Delivery];
    const { handling } = delivery.subscription;
    if (handling.mode === "single") return handling.handle(delivery.event as Event<unknown>, new SingleTools(this));
    const { signal, fence, partition } = this;
    const { publish, state, effectIdOf, baggageOf } = this.collector;
    const tools = { publish, state, signal, attempt: this.attempt, effectIdOf, baggageOf, fence, partition };
    return handling.handle(this.#events, tools);
  }

  get #events(): readonly Event<unknown>[] {
    return this.deliveries.map(({ event }) => event as Event<unknown>);
  }

  get fence(): Fence {
    return this.#context.fence;
  }

  /** How long its handler may take, ms; undefined: as long as it likes. */
  get timeoutMs(): number | undefined {
    return (this.deliveries[0] as Delivery).subscription.handlerTimeoutMs;
  }

  /** The handler's: aborts with the ownership's, or when its own time is up. */
  get signal(): AbortSignal {
    const { signal } = this.#context;
    if (this.timeoutMs === undefined) return signal;
    if (this.#ownEnd === undefined) {
      this.#ownEnd = new AbortController();
      if (this.#failure !== undefined) this.#ownEnd.abort(this.#failure);
    }
    return AbortSignal.any([signal, this.#ownEnd.signal]);
  }

  get collector(): Collector {
    if (this.#collector === undefined) {
      this.#collector = new Collector(this.#context, this.#events, this.span);
      // Tools that were kept beyond the end of the handler.
      if (this.#end !== undefined) this.#collector.finish(this.#end);
    }
    return this.#collector;
  }

  /** Whether a publish still waits for its schema. */
  get isBusy(): boolean {
    return this.#collector?.isBusy === true;
  }

  /** @throws what an asynchronous schema found */
  async validated(): Promise<void> {
    await this.#collector?.validated();
  }

  /** The handler has ended. False: another handler has changed the state that this one has read, and it must run again. */
  commit(): boolean {
    this.#end = "after its handler had returned: await it inside the handler";
    const collector = this.#collector;
    if (collector === undefined) return true;
    collector.finish(this.#end);
    const changes = collector.view.commit();
    if (changes === undefined) return false;
    const { names } = collector.view;
    if (names.length > 0) this.locks = this.locks.concat(names);
    this.changes = changes;
    return true;
  }

  /** Itself, after `commit`. */
  get settlement(): Acknowledgement {
    return this;
  }

  get ran(): HandlerRun {
    return this;
  }

  get outputs(): readonly Output[] {
    return this.#collector?.outputs ?? noOutputs;
  }

  get size(): number {
    return this.#collector?.size ?? 0;
  }

  settled(ids: readonly string[]): void {
    this.#collector?.view.settled();
    this.#collector?.appended(ids);
    this.span.settled("acked");
    for (const delivery of this.deliveries) this.#context.inFlight.leave(delivery);
  }

  lost(reason: Error, isSent: boolean): void {
    this.discard(isSent ? maybeWritten(reason) : reason);
    this.span.settled(reason instanceof FencedError ? "fenced" : "abandoned", isSent ? maybeWritten(reason) : reason);
  }

  /** The run, for the settlement log, where it ends now without a settlement, or with `endedMs` undefined by one that fails it. */
  failedRun(outcome: FailedRun["outcome"], error: unknown, endedMs?: number): FailedRun {
    return { ran: this, outcome, entries: this.deliveries, error, ...(endedMs === undefined ? {} : { endedMs }) };
  }

  /** Nothing was appended and nothing will be. */
  discard(reason: unknown): void {
    this.#end =
      reason instanceof HandlerTimeoutError
        ? "after its time was up: heed the signal"
        : "after its attempt had failed or was lost: heed the signal";
    this.#failure = reason;
    this.#ownEnd?.abort(reason);
    this.#collector?.discard(reason, this.#end);
  }
}

/** Its settlement was sent, and its reply lost. */
export function maybeWritten({ message }: Error): FencedError {
  return new FencedError(`${message}; whether this settlement was written before is not known`);
}

/** The lanes that deliveries need, each once. */
export function lanesOf(deliveries: readonly Delivery[]): readonly string[] {
  const [only] = deliveries;
  if (only !== undefined && deliveries.length === 1) return only.lanes;
  return [...new Set(deliveries.flatMap(({ lanes }) => lanes))];
}

/** One attempt at a delivery or a batch, from its span to its settlement: tracing is told of it, and the settler is given it. */

import { HandlerTimeoutError } from "../model/errors.ts";
import type { Event } from "../model/event.ts";
import type { NewEntry } from "../ports/append.ts";
import type { Membership, Settlement, SettleResult, StateRead, StateWrite } from "../ports/store.ts";
import type { Processing, ProcessSpan, TracedChannel } from "../ports/tracing.ts";
import type { AttemptContext } from "./context.ts";
import type { Delivery } from "./delivery.ts";
import { refusedDelayMs } from "./insist.ts";
import { reasonOf } from "./outcome.ts";
import type { RunningHandler } from "./running-handlers.ts";
import type { Submission } from "./settler.ts";
import { Collector, SingleTools } from "./tools.ts";

const none: readonly never[] = Object.freeze([]);

/** An object for all of it: an event costs little more than the objects that are made for it. */
export class Attempt implements Processing, Settlement, Submission, RunningHandler {
  readonly channel: TracedChannel;
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  readonly membership: Membership;
  readonly deliveries: readonly Delivery[];
  /** Of a batch the highest of its events. */
  readonly attempt: number;
  readonly claimed: boolean;
  readonly redelivered: boolean;
  readonly span: ProcessSpan;
  /** Set by `commit`. */
  reads: readonly StateRead[] = none;
  writes: readonly StateWrite[] = none;
  outputs: readonly NewEntry[] = none;
  size = 0;
  /** How long it waits when Redis refuses its settlement, ms. */
  nextDelayMs: number = refusedDelayMs.first;
  startedAt = 0;
  isLate = false;
  tellAfterMs = 0;
  readonly #context: AttemptContext;
  readonly #onSettled: (attempt: Attempt, result: SettleResult) => void;
  /** Made for a handler that asks for what it needs one for; many do not. */
  #collector: Collector | undefined;
  /** For a handler that has a time of its own, and asks for its signal. */
  #abortion: AbortController | undefined;
  /** Why nothing can be added any more; undefined while something can. */
  #end: string | undefined;

  constructor(
    context: AttemptContext,
    deliveries: readonly Delivery[],
    onSettled: (attempt: Attempt, result: SettleResult) => void,
  ) {
    const { subscription, membership } = deliveries[0] as Delivery;
    this.channel = subscription.channel;
    this.component = context.component;
    this.member = membership.member;
    this.partition = membership.partition;
    this.membership = membership;
    this.deliveries = deliveries;
    let attempt = 1;
    let claimed = false;
    let redelivered = false;
    for (let i = 0; i < deliveries.length; i++) {
      const delivery = deliveries[i] as Delivery;
      if (delivery.attempt > attempt) attempt = delivery.attempt;
      if (delivery.claimed) claimed = true;
      if (delivery.hasRecord) redelivered = true;
    }
    this.attempt = attempt;
    this.claimed = claimed;
    this.redelivered = redelivered;
    this.#context = context;
    this.#onSettled = onSettled;
    this.span = context.tracing.process(this);
  }

  get entries(): readonly Delivery[] {
    return this.deliveries;
  }

  /** Whether one of its deliveries was taken over: then nothing of it may be written. */
  get isVoid(): boolean {
    for (let i = 0; i < this.deliveries.length; i++) if ((this.deliveries[i] as Delivery).isVoid) return true;
    return false;
  }

  /** Runs the handler, with the span active. */
  handle(): void | Promise<void> {
    return this.span.run(() => this.#handle());
  }

  #handle(): void | Promise<void> {
    const [delivery] = this.deliveries as readonly [Delivery];
    const { handling } = delivery.subscription;
    if (handling.mode === "single") return handling.handle(delivery.event as Event<unknown>, new SingleTools(this));
    const { signal } = this;
    const { publish, state, effectIdOf, baggageOf } = this.collector;
    return handling.handle(this.#events, { publish, state, signal, attempt: this.attempt, effectIdOf, baggageOf });
  }

  get #events(): readonly Event<unknown>[] {
    return this.deliveries.map(({ event }) => event as Event<unknown>);
  }

  /** How long its handler may take, ms; undefined: as long as it likes. */
  get timeoutMs(): number | undefined {
    return (this.deliveries[0] as Delivery).subscription.handlerTimeoutMs;
  }

  /** The handler's. */
  get signal(): AbortSignal {
    const { signal } = this.#context;
    if (this.timeoutMs === undefined || (signal.aborted && this.#abortion === undefined)) return signal;
    if (this.#abortion === undefined) {
      this.#abortion = new AbortController();
      if (this.#end !== undefined) this.#abortion.abort(new DOMException(this.#end, "AbortError"));
    }
    return this.#abortion.signal;
  }

  abort(reason: unknown): void {
    this.#abortion?.abort(reason);
  }

  get collector(): Collector {
    if (this.#collector === undefined) {
      const { component, state, bounds, onChannel, log } = this.#context;
      const view = state.view(component, bounds.maxOutputs);
      const { partition, span } = this;
      const late = (error: unknown): void =>
        log.error({ component, reason: reasonOf(error) }, "a publish that nobody awaits came after its attempt's end");
      this.#collector = new Collector(
        component,
        partition,
        this.#events,
        span,
        view,
        bounds,
        onChannel,
        Date.now,
        late,
      );
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

  /** The handler has ended: nothing more can be added. */
  finish(): void {
    this.#end = "after its handler had returned: await it inside the handler";
    this.#collector?.finish(this.#end);
  }

  /** Makes what was collected ready to be settled. False: the state that it has read is not the newest any more. */
  commit(): boolean {
    const collector = this.#collector;
    if (collector === undefined) return true;
    const writes = collector.view.commit();
    if (writes === undefined) return false;
    this.reads = collector.view.reads;
    this.writes = writes;
    this.outputs = collector.entries;
    this.size = collector.size;
    return true;
  }

  /** Its settlement did not commit: nothing that it has read or written can be trusted. */
  forget(): void {
    this.#collector?.view.forget();
  }

  /** Nothing was appended and nothing will be. */
  discard(reason: unknown): void {
    this.#end =
      reason instanceof HandlerTimeoutError
        ? "after its handler's time was up: nothing of this attempt is written"
        : "after its attempt had failed: nothing of it is written";
    this.#collector?.discard(reason, this.#end);
  }

  /** The settlement appended the outputs. */
  appended(entryIds: readonly string[]): void {
    this.#collector?.appended(entryIds);
  }

  settled(result: SettleResult): void {
    this.#onSettled(this, result);
  }
}

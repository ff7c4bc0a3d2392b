/** One attempt after the other: count, prepare, span, handler, settlement, outcome. The way of a delivery reads here from top to bottom. */

import { setTimeout as delay } from "node:timers/promises";
import { CrashLoopError, EnvelopeError, FencedError } from "../errors.ts";
import type { Event } from "../event.ts";
import type { ProcessSpan, Settlement, SettleResult } from "../ports.ts";
import type { AttemptContext, Task } from "./context.ts";
import type { Delivery } from "./delivery.ts";
import { bury, park } from "./endings.ts";
import { insist, refusedDelayMs } from "./insist.ts";
import { codeOf, judge, maxCrashes, reasonOf } from "./outcome.ts";
import type { StateView } from "./state.ts";
import type { Subscription } from "./subscription.ts";
import { Collector, SingleTools } from "./tools.ts";

export class Attempts {
  readonly #context: AttemptContext;
  /** Settlements that are not known yet, and refused ones that will be tried again. */
  #unsettled = 0;
  #whenSettled: (() => void)[] = [];

  constructor(context: AttemptContext) {
    this.#context = context;
  }

  /** Resolves when every attempt that has ended is settled. */
  settled(): Promise<void> {
    return this.#unsettled === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenSettled.push(resolve));
  }

  /**
   * Ends when the handler has ended and its settlement is on its way: then the next one of the key may run. Most events are new, their
   * schema and often their handler synchronous: those cost no promise.
   */
  run(task: Task): void | Promise<void> {
    const [delivery] = task.deliveries;
    const isFresh = task.deliveries.length === 1 && delivery?.attempt === 0 && !delivery.hasRecord && !delivery.isVoid;
    if (!isFresh) return this.#runCounted(task);
    delivery.attempt = 1;
    const prepared = this.#prepare(delivery);
    return prepared === undefined
      ? this.#attemptSound(task.deliveries)
      : prepared.then(() => this.#attemptSound(task.deliveries));
  }

  async #runCounted(task: Task): Promise<void> {
    const counted = await this.#count(task);
    if (counted.length === 0) return;
    for (const delivery of counted) await this.#prepare(delivery);
    await this.#attemptSound(counted);
  }

  #prepare(delivery: Delivery): void | Promise<void> {
    return delivery.mayBeNoText ? this.#prepareDoubtful(delivery) : delivery.prepare();
  }

  /** A replacement character may have been written as one, or stand for bytes that are no UTF-8: only the bytes tell. */
  async #prepareDoubtful(delivery: Delivery): Promise<void> {
    const { store, tracing } = this.#context;
    const isText = await insist(this.#context, "an entry cannot be read again", () =>
      tracing.quietly(() => store.isValidText(delivery.membership, delivery)),
    );
    if (isText === false) delivery.problem ??= new EnvelopeError(delivery.entryId, "it is not valid UTF-8");
    await delivery.prepare();
  }

  #attemptSound(deliveries: readonly Delivery[]): void | Promise<void> {
    if (deliveries.every((delivery) => delivery.problem === undefined)) return this.#attempt(deliveries);
    return this.#burySome(deliveries);
  }

  async #burySome(deliveries: readonly Delivery[]): Promise<void> {
    const sound: Delivery[] = [];
    for (const delivery of deliveries) {
      if (delivery.problem === undefined) sound.push(delivery);
      else await bury(this.#context, delivery, delivery.problem);
    }
    if (sound.length > 0) await this.#attempt(sound);
  }

  /** Drops what is void, and counts the attempt: in memory at a first delivery, durably at any other. */
  async #count({ deliveries, isCounted }: Task): Promise<readonly Delivery[]> {
    const { store, tracing } = this.#context;
    const counted: Delivery[] = [];
    for (const delivery of deliveries) {
      if (delivery.isVoid) continue;
      if (!isCounted) {
        if (!delivery.hasRecord) delivery.attempt++;
        else if (delivery.crashes >= maxCrashes) {
          delivery.problem ??= new CrashLoopError(
            `its process died ${delivery.crashes} times while it was being handled`,
          );
        } else {
          const { membership, attempt } = delivery;
          const record = await insist(this.#context, "an attempt cannot be counted", () =>
            tracing.quietly(() => store.begin(membership, delivery, attempt, false)),
          );
          if (record === undefined) {
            this.#context.hand.leave(delivery);
            continue;
          }
          delivery.attempt = record.attempt;
          delivery.crashes = record.crashes;
        }
      }
      counted.push(delivery);
    }
    return counted;
  }

  #attempt(deliveries: readonly Delivery[]): void | Promise<void> {
    const { component, tracing, state, onChannel } = this.#context;
    const { subscription, membership } = deliveries[0] as Delivery;
    const { partition, member } = membership;
    const events: Event<unknown>[] = [];
    let attempt = 1;
    let claimed = false;
    for (let i = 0; i < deliveries.length; i++) {
      const delivery = deliveries[i] as Delivery;
      events.push(delivery.event as Event<unknown>);
      attempt = Math.max(attempt, delivery.attempt);
      claimed ||= delivery.claimed;
    }
    const span = tracing.process({
      channel: subscription.channel,
      component,
      member,
      partition,
      entries: deliveries,
      attempt,
      claimed,
    });
    const view = state.view();
    const collector = new Collector(component, partition, events, span, view, onChannel);
    let handled: void | Promise<void>;
    try {
      handled = span.run(() => this.#handle(subscription, attempt, events, collector));
    } catch (error) {
      return this.#discard(deliveries, collector, span, error);
    }
    if (handled === undefined && !collector.isBusy) return this.#finish(deliveries, collector, view, span);
    return this.#finishLater(handled, deliveries, collector, view, span);
  }

  #handle(
    { handling }: Subscription,
    attempt: number,
    events: readonly Event<unknown>[],
    collector: Collector,
  ): void | Promise<void> {
    const { signal } = this.#context;
    if (handling.mode === "batch") {
      const { publish, state, effectIdOf } = collector;
      return handling.handle(events, { publish, state, signal, attempt, effectIdOf });
    }
    return handling.handle(events[0] as Event<unknown>, new SingleTools(collector, signal, attempt));
  }

  // Not an asynchronous function: it would be the costliest part of most attempts.
  #finishLater(
    handled: void | Promise<void>,
    deliveries: readonly Delivery[],
    collector: Collector,
    view: StateView,
    span: ProcessSpan,
  ): Promise<void> {
    const failed = (error: unknown): Promise<void> => this.#discard(deliveries, collector, span, error);
    return Promise.resolve(handled).then(() => {
      if (!collector.isBusy) return this.#finish(deliveries, collector, view, span);
      return collector.validated().then(() => this.#finish(deliveries, collector, view, span), failed);
    }, failed);
  }

  #discard(deliveries: readonly Delivery[], collector: Collector, span: ProcessSpan, error: unknown): Promise<void> {
    collector.discard(error);
    return this.#fail(deliveries, error, span);
  }

  /** The handler has ended well: what it did is submitted. */
  #finish(
    deliveries: readonly Delivery[],
    collector: Collector,
    view: StateView,
    span: ProcessSpan,
  ): void | Promise<void> {
    collector.finish();
    if (deliveries.some((delivery) => delivery.isVoid)) {
      this.#fence(deliveries, collector, view, span);
      return;
    }
    const writes = view.commit();
    if (writes === undefined) {
      // Still in its lanes' turn, so that the order of its keys is kept.
      collector.discard(stateChanged());
      span.settled("conflict");
      return this.#attempt(deliveries);
    }
    const settlement: Settlement = {
      deliveries,
      reads: view.reads,
      writes,
      outputs: collector.entries,
      redelivered: deliveries.some((delivery) => delivery.hasRecord),
    };
    this.#unsettled++;
    this.#submit(deliveries, settlement, collector, view, span, refusedDelayMs.first);
  }

  #submit(
    deliveries: readonly Delivery[],
    settlement: Settlement,
    collector: Collector,
    view: StateView,
    span: ProcessSpan,
    nextDelayMs: number,
  ): void {
    const { settler, hand, log, component, signal } = this.#context;
    const { membership } = deliveries[0] as Delivery;
    settler.submit(membership, settlement, (result: SettleResult) => {
      switch (result.outcome) {
        case "acked":
          collector.appended(result.outputIds);
          span.settled("acked");
          for (const delivery of deliveries) hand.leave(delivery, "acked");
          break;
        case "fenced":
          this.#fence(deliveries, collector, view, span);
          break;
        case "conflict":
          view.forget();
          collector.discard(stateChanged());
          span.settled("conflict");
          this.#context.again({ deliveries, isCounted: true });
          break;
        case "refused": {
          const entries = deliveries.map(({ channel, entryId }) => `${channel}/${entryId}`);
          log.error(
            { component, entries, reason: result.reason },
            "Redis refuses a settlement: the entry stays pending",
          );
          if (signal.aborted) {
            this.#abandon(deliveries, collector, span);
            break;
          }
          delay(nextDelayMs, undefined, { signal }).then(
            () => {
              const later = Math.min(nextDelayMs * 2, refusedDelayMs.most);
              if (!deliveries.some((delivery) => delivery.isVoid)) {
                this.#submit(deliveries, settlement, collector, view, span, later);
                return;
              }
              // It was taken over meanwhile and came back: the new delivery settles it.
              this.#fence(deliveries, collector, view, span);
              this.#settledOne();
            },
            () => {
              this.#abandon(deliveries, collector, span);
              this.#settledOne();
            },
          );
          return;
        }
      }
      this.#settledOne();
    });
  }

  #fence(deliveries: readonly Delivery[], collector: Collector, view: StateView, span: ProcessSpan): void {
    const { hand, log, component } = this.#context;
    const error = new FencedError("the delivery was taken over by another member; nothing of this attempt was written");
    view.forget();
    collector.discard(error);
    span.settled("fenced", error);
    for (const delivery of deliveries) {
      delivery.isVoid = true;
      hand.leave(delivery);
    }
    // One delivery that was taken over fences its whole batch; the others are still here.
    if (deliveries.length > 1) this.#context.strayed();
    const entries = deliveries.map(({ channel, entryId }) => `${channel}/${entryId}`);
    log.warn({ component, entries }, "fenced: the delivery belongs to another member by now");
  }

  #abandon(deliveries: readonly Delivery[], collector: Collector, span: ProcessSpan): void {
    const error = new FencedError("the drain ran out of time; the delivery stays pending");
    collector.discard(error);
    span.settled("abandoned", error);
    for (const delivery of deliveries) this.#context.hand.leave(delivery);
  }

  async #fail(deliveries: readonly Delivery[], error: unknown, span: ProcessSpan): Promise<void> {
    const { component, log, signal } = this.#context;
    const fields = { component, code: codeOf(error), reason: reasonOf(error) };
    if (signal.aborted) {
      span.settled("abandoned", error);
      for (const delivery of deliveries) this.#context.hand.leave(delivery);
      return;
    }
    if (deliveries.length > 1) {
      // One bad event must not hold up its neighbours: each is handled by itself, as a part of the same attempt.
      span.settled("retried", error);
      log.warn({ ...fields, events: deliveries.length }, "a batch failed; its events are handled one by one");
      for (const delivery of deliveries) await this.#attempt([delivery]);
      return;
    }
    const delivery = deliveries[0] as Delivery;
    const { channel, entryId, attempt } = delivery;
    const verdict = judge(error, attempt, delivery.subscription.retry, Math.random());
    if (verdict.kind === "bury") {
      await bury(this.#context, delivery, error, span);
      return;
    }
    log.warn(
      { ...fields, channel, entryId, attempt, delayMs: verdict.delayMs },
      "an attempt failed; it will be retried",
    );
    if (verdict.block) await this.#retryInPlace(delivery, error, span, verdict.delayMs);
    else await park(this.#context, delivery, error, span, verdict.delayMs);
  }

  /** The key's lane waits: this call returns when the delivery is through, one way or the other. */
  async #retryInPlace(delivery: Delivery, error: unknown, span: ProcessSpan, delayMs: number): Promise<void> {
    const { hand, signal, store, tracing } = this.#context;
    span.settled("retried", error);
    try {
      await delay(delayMs, undefined, { signal });
    } catch {
      hand.leave(delivery); // drained meanwhile: it stays pending
      return;
    }
    const record = await insist(this.#context, "an attempt cannot be counted", () =>
      tracing.quietly(() => store.begin(delivery.membership, delivery, delivery.attempt, true)),
    );
    if (record === undefined || delivery.isVoid) {
      hand.leave(delivery);
      return;
    }
    delivery.hasRecord = true;
    delivery.attempt = record.attempt;
    await this.#attempt([delivery]);
  }

  #settledOne(): void {
    this.#unsettled--;
    if (this.#unsettled === 0) for (const resolve of this.#whenSettled.splice(0)) resolve();
  }
}

function stateChanged(): FencedError {
  return new FencedError("the state had changed meanwhile; the handler runs again");
}

/** One attempt after the other: count, prepare, span, handler, settlement, outcome. The way of a delivery reads here from top to bottom. */

import { setTimeout as delay } from "node:timers/promises";
import { CrashLoopError, EnvelopeError, FencedError, HandlerTimeoutError } from "../model/errors.ts";
import type { SettleResult } from "../ports/store.ts";
import type { ProcessSpan } from "../ports/tracing.ts";
import { Attempt } from "./attempt.ts";
import type { AttemptContext, Task } from "./context.ts";
import type { Delivery } from "./delivery.ts";
import { bury, defer, park } from "./endings.ts";
import { insist, refusedDelayMs } from "./insist.ts";
import { codeOf, judge, maxCrashes, reasonOf } from "./outcome.ts";

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
    for (let i = 0; i < deliveries.length; i++) {
      const { problem, dueAt } = deliveries[i] as Delivery;
      if (problem !== undefined || dueAt > 0) return this.#setUnsoundAside(deliveries);
    }
    return this.#attempt(deliveries);
  }

  async #setUnsoundAside(deliveries: readonly Delivery[]): Promise<void> {
    const sound: Delivery[] = [];
    for (const delivery of deliveries) {
      const deferral = this.#context.deferrals?.of(delivery);
      if (deferral !== undefined) await defer(this.#context, delivery, deferral);
      else if (delivery.problem === undefined) sound.push(delivery);
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
    const attempt = new Attempt(this.#context, deliveries, this.#onSettled);
    let handled: void | Promise<void>;
    try {
      handled = attempt.handle();
    } catch (error) {
      this.#context.running.endedAtOnce();
      return this.#discard(attempt, error);
    }
    if (handled === undefined && !attempt.isBusy) {
      this.#context.running.endedAtOnce();
      return this.#finish(attempt);
    }
    this.#context.running.begin(attempt);
    return attempt.timeoutMs === undefined
      ? this.#finishLater(handled, attempt)
      : this.#finishInTime(handled, attempt, attempt.timeoutMs);
  }

  // Not an asynchronous function: it would be the costliest part of most attempts.
  #finishLater(handled: void | Promise<void>, attempt: Attempt): Promise<void> {
    const finished = (): void | Promise<void> => {
      this.#context.running.end(attempt);
      return this.#finish(attempt);
    };
    const failed = (error: unknown): Promise<void> => {
      this.#context.running.end(attempt);
      return this.#discard(attempt, error);
    };
    return Promise.resolve(handled).then(
      () => (attempt.isBusy ? attempt.validated().then(finished, failed) : finished()),
      failed,
    );
  }

  /**
   * As `finishLater`, for as long as the handler may take. Then the attempt has failed: first its tools are void, then its signal aborts,
   * and its lane goes on as after any failure. However the handler ends later, nobody is told but the log.
   */
  async #finishInTime(handled: void | Promise<void>, attempt: Attempt, timeoutMs: number): Promise<void> {
    const { running } = this.#context;
    const ended = Promise.resolve(handled)
      .then(() => attempt.validated())
      .then(
        () => ({ isLate: false, failure: undefined }),
        (error: unknown) => ({ isLate: false, failure: { error } }),
      )
      .finally(() => running.end(attempt));
    const error = new HandlerTimeoutError(`its handler had not returned after ${timeoutMs} ms (handlerTimeoutMs)`);
    const { promise: timeUp, resolve } = Promise.withResolvers<{ isLate: boolean; failure: { error: unknown } }>();
    const timer = setTimeout(resolve, timeoutMs, { isLate: true, failure: { error } });
    const { isLate, failure } = await Promise.race([ended, timeUp]);
    clearTimeout(timer);
    if (failure === undefined) return this.#finish(attempt);
    if (isLate) running.late(attempt);
    attempt.discard(failure.error);
    attempt.abort(failure.error);
    return this.#fail(attempt.deliveries, failure.error, attempt.span);
  }

  #discard(attempt: Attempt, error: unknown): Promise<void> {
    attempt.discard(error);
    return this.#fail(attempt.deliveries, error, attempt.span);
  }

  /** The handler has ended well: what it did is submitted. */
  #finish(attempt: Attempt): void | Promise<void> {
    attempt.finish();
    if (attempt.isVoid) {
      this.#fence(attempt);
      return;
    }
    if (!attempt.commit()) {
      // Still in its lanes' turn, so that the order of its keys is kept.
      attempt.discard(stateChanged());
      attempt.span.settled("conflict");
      return this.#attempt(attempt.deliveries);
    }
    this.#unsettled++;
    this.#context.settler.submit(attempt);
  }

  readonly #onSettled = (attempt: Attempt, result: SettleResult): void => {
    const { hand } = this.#context;
    const { deliveries } = attempt;
    switch (result.outcome) {
      case "acked":
        attempt.appended(result.outputIds);
        attempt.span.settled("acked");
        for (let i = 0; i < deliveries.length; i++) hand.leave(deliveries[i] as Delivery, "acked");
        break;
      case "fenced":
        this.#fence(attempt);
        break;
      case "conflict":
        attempt.forget();
        attempt.discard(stateChanged());
        attempt.span.settled("conflict");
        this.#context.again(deliveries);
        break;
      case "refused":
        this.#onRefused(attempt, result.reason);
        return;
    }
    this.#settledOne();
  };

  /** Tries again, later and later, for as long as it is this member's and there is time. */
  #onRefused(attempt: Attempt, reason: string): void {
    const { log, component, signal, settler } = this.#context;
    log.error(
      { component, entries: namesOf(attempt.deliveries), reason },
      "Redis refuses a settlement: the entry stays pending",
    );
    if (signal.aborted) {
      this.#abandon(attempt);
      this.#settledOne();
      return;
    }
    const delayMs = attempt.nextDelayMs;
    attempt.nextDelayMs = Math.min(delayMs * 2, refusedDelayMs.most);
    delay(delayMs, undefined, { signal }).then(
      () => {
        if (!attempt.isVoid) {
          settler.submit(attempt);
          return;
        }
        // It was taken over meanwhile and came back: the new delivery settles it.
        this.#fence(attempt);
        this.#settledOne();
      },
      () => {
        this.#abandon(attempt);
        this.#settledOne();
      },
    );
  }

  #fence(attempt: Attempt): void {
    const { hand, log, component } = this.#context;
    const { deliveries } = attempt;
    const error = new FencedError("the delivery was taken over by another member; nothing of this attempt was written");
    attempt.forget();
    attempt.discard(error);
    attempt.span.settled("fenced", error);
    for (const delivery of deliveries) {
      delivery.isVoid = true;
      hand.leave(delivery);
    }
    // One delivery that was taken over fences its whole batch; the others are still here.
    if (deliveries.length > 1) this.#context.strayed();
    log.warn({ component, entries: namesOf(deliveries) }, "fenced: the delivery belongs to another member by now");
  }

  #abandon(attempt: Attempt): void {
    const error = new FencedError("the drain ran out of time; the delivery stays pending");
    attempt.discard(error);
    attempt.span.settled("abandoned", error);
    for (const delivery of attempt.deliveries) this.#context.hand.leave(delivery);
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

function namesOf(deliveries: readonly Delivery[]): readonly string[] {
  return deliveries.map(({ channel, entryId }) => `${channel}/${entryId}`);
}

function stateChanged(): FencedError {
  return new FencedError("the state had changed meanwhile; the handler runs again");
}

/** One delivery after the other: count, prepare, handle, settle, or set aside. The way of a delivery reads here from top to bottom. */

import { CrashLoopError, EnvelopeError, FencedError, HandlerTimeoutError, OwnerLostError } from "../model/errors.ts";
import { Attempt } from "./attempt.ts";
import type { HandlingContext } from "./context.ts";
import { type Delivery, type LostAttempt, maxStarts } from "./delivery.ts";
import { codeOf, judge, reasonOf } from "./outcome.ts";
import { SettingAside, traceOf } from "./setting-aside.ts";

export class Handling {
  readonly #context: HandlingContext;
  readonly #aside: SettingAside;
  /** Tasks whose handlers run, or are about to. */
  #running = 0;

  constructor(context: HandlingContext) {
    this.#context = context;
    this.#aside = new SettingAside(context);
  }

  get running(): number {
    return this.#running;
  }

  /** Ends when the handler has ended and its settlement is on its way: then `ended` is called, and the next one of the lane may run. */
  run(deliveries: readonly Delivery[]): void | Promise<void> {
    this.#running++;
    const [first] = deliveries;
    if (first === undefined) return;
    // Most events are new, their schema and often their handler synchronous: those cost no promise.
    if (deliveries.length > 1 || first.isCounted || first.mayBeNoText) return this.#runMany(deliveries);
    if (!this.#mayStart(first)) return;
    this.#beginFirst(first);
    this.#begin(deliveries);
    const prepared = first.prepare();
    return prepared === undefined ? this.#handle(deliveries) : prepared.then(() => this.#handle(deliveries));
  }

  ended(): void {
    this.#running--;
    this.#context.inFlight.change.tell();
  }

  async #runMany(deliveries: readonly Delivery[]): Promise<void> {
    const ready = deliveries.filter((delivery) => this.#mayStart(delivery));
    this.#begin(ready);
    try {
      for (const delivery of ready) {
        // Not awaited where there is nothing to wait for: a promise for each event is a part of what a batch costs.
        if (!delivery.isCounted) this.#beginFirst(delivery);
        else if (!(await this.#count(delivery))) {
          this.#letGo(ready);
          return;
        }
        if (delivery.mayBeNoText) await this.#checkText(delivery);
        const prepared = delivery.prepare();
        if (prepared !== undefined) await prepared;
      }
      if (this.#context.isOpen()) await this.#handle(ready);
      else this.#letGo(ready);
    } catch (error) {
      this.#context.log.warn(
        { component: this.#context.component, reason: reasonOf(error) },
        "an attempt could not begin",
      );
      this.#letGo(ready);
    }
  }

  /** What may not start now comes again later. */
  #mayStart(delivery: Delivery): boolean {
    const { inFlight, isOpen, signal } = this.#context;
    if (delivery.phase !== "waiting" || signal.aborted) return false;
    if (isOpen()) return true;
    inFlight.letGo(delivery);
    return false;
  }

  #begin(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      delivery.phase = "running";
      delivery.startedAt ??= this.#context.clock.now();
    }
  }

  /** The first attempt at what nobody is known to have tried: it is not counted. */
  #beginFirst(delivery: Delivery): void {
    delivery.attempt = 1;
    delivery.isBegun = true;
  }

  /** Before anything that is delivered again, durably: what kills its process is told by it. False: it may not begin. */
  async #count(delivery: Delivery): Promise<boolean> {
    const { hold, ask } = this.#context;
    if (delivery.starts >= maxStarts) {
      delivery.problem ??= new CrashLoopError(`its process died ${delivery.starts} times while it was being handled`);
      return true;
    }
    const claim = hold.claim;
    const counted = await ask((session) => session.count(claim, delivery, delivery.attempt + 1));
    if (counted === undefined) {
      // Unless it was taken again from itself meanwhile.
      if (claim === hold.claim) hold.lost("another member has taken the partition");
      return false;
    }
    delivery.isNoted = true;
    delivery.isBegun = true;
    delivery.attempt = counted.attempt;
    delivery.starts = counted.starts;
    return true;
  }

  /** A replacement character may have been written as one, or stand for bytes that are no UTF-8: only the bytes tell. */
  async #checkText(delivery: Delivery): Promise<void> {
    if (!(await this.#context.ask((session) => session.isValidText(delivery))))
      delivery.problem ??= new EnvelopeError(delivery.entryId, "it is not valid UTF-8");
  }

  #letGo(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (delivery.phase !== "running") continue;
      // Whatever runs next is the same attempt: counted again under its number, it counts once.
      if (delivery.isBegun) delivery.attempt--;
      delivery.isBegun = false;
      this.#context.inFlight.letGo(delivery);
    }
  }

  #handle(deliveries: readonly Delivery[]): void | Promise<void> {
    if (this.#context.signal.aborted) return;
    for (const delivery of deliveries) if (delivery.lost !== undefined) this.#tellLost(delivery, delivery.lost);
    let sound = deliveries;
    if (deliveries.some(({ problem, dueAt }) => problem !== undefined || dueAt > 0)) {
      sound = deliveries.filter((delivery) => {
        const { problem } = delivery;
        const deferral = this.#context.deferrals.of(delivery);
        if (deferral !== undefined) this.#aside.defer(delivery, deferral);
        else if (problem !== undefined) this.#aside.bury(delivery, problem);
        return deferral === undefined && problem === undefined;
      });
    }
    if (sound.length > 0) return this.#attempt(sound);
  }

  /** Nobody else is left to tell of an attempt whose process died. */
  #tellLost(delivery: Delivery, { member, epoch, attempt }: LostAttempt): void {
    const { tracing, settler, clock, component, partition } = this.#context;
    delivery.lost = undefined;
    const ran = { startedMs: clock.now(), attempt, claimed: false, run: 0, epoch };
    const error = new OwnerLostError(`its process (member ${member}) fell silent while the event was in its hands`);
    const { channel } = delivery.subscription;
    tracing.lostAttempt({ ...ran, channel, component, member, partition, entries: [delivery] }, error);
    settler.note({ ran, outcome: "owner_lost", entries: [delivery], endedMs: ran.startedMs, member, error });
  }

  #attempt(deliveries: readonly Delivery[]): void | Promise<void> {
    const { handlers } = this.#context;
    const attempt = new Attempt(this.#context, deliveries);
    let handled: void | Promise<void>;
    try {
      handled = attempt.handle();
    } catch (error) {
      handlers.endedAtOnce();
      return this.#failed(attempt, error);
    }
    if (handled === undefined && !attempt.isBusy) {
      handlers.endedAtOnce();
      return this.#finish(attempt);
    }
    handlers.begin(attempt);
    return this.#finishLater(handled, attempt);
  }

  // Not an asynchronous function: it would be the costliest part of most attempts.
  #finishLater(handled: void | Promise<void>, attempt: Attempt): Promise<void> {
    const { handlers } = this.#context;
    const finished = (): void | Promise<void> => {
      handlers.end(attempt);
      return this.#finish(attempt);
    };
    const failed = (error: unknown): void | Promise<void> => {
      handlers.end(attempt);
      return this.#failed(attempt, error);
    };
    const returned = Promise.resolve(handled);
    if (attempt.timeoutMs === undefined)
      return returned.then(() => (attempt.isBusy ? attempt.validated().then(finished, failed) : finished()), failed);
    const validated = returned.then(() => (attempt.isBusy ? attempt.validated() : undefined));
    return this.#inTime(validated, attempt.timeoutMs).then(finished, (error: unknown) => {
      if (!(error instanceof HandlerTimeoutError)) return failed(error);
      handlers.late(attempt);
      const end = (): void => handlers.end(attempt);
      validated.then(end, end);
      return this.#failed(attempt, error);
    });
  }

  /** Rejects when the subscription's time for a handler is over. The handler may run on; what it does from then on is void. */
  #inTime(returned: Promise<void>, timeoutMs: number): Promise<void> {
    const { promise, reject } = Promise.withResolvers<void>();
    const over = new HandlerTimeoutError(`its handler had not returned after ${timeoutMs} ms (handlerTimeoutMs)`);
    const cancel = this.#context.clock.after(timeoutMs, () => reject(over));
    return Promise.race([returned, promise]).finally(cancel);
  }

  /** The handler has ended well: what it did is submitted, unless it built on what another one has changed meanwhile. */
  #finish(attempt: Attempt): void | Promise<void> {
    const { signal, settler } = this.#context;
    if (signal.aborted) {
      this.#abandon(attempt, signal.reason);
      return;
    }
    if (!attempt.commit()) {
      attempt.discard(new FencedError("the state had changed meanwhile; the handler runs again"));
      attempt.span.settled("conflict");
      this.#noteEnd(attempt, "conflict", undefined);
      if (this.#context.isOpen()) return this.#attempt(attempt.deliveries);
      this.#letGo(attempt.deliveries);
      return;
    }
    for (const delivery of attempt.deliveries) delivery.phase = "ended";
    settler.submit(attempt);
  }

  /** Nothing of it will be written; the entry stays open. */
  #abandon(attempt: Attempt, reason: unknown): void {
    attempt.discard(reason);
    attempt.span.settled(reason instanceof FencedError ? "fenced" : "abandoned", reason);
  }

  #failed(attempt: Attempt, error: unknown): void | Promise<void> {
    const { log, component, signal, chance } = this.#context;
    const { deliveries, span } = attempt;
    if (signal.aborted) {
      this.#abandon(attempt, signal.reason);
      return;
    }
    attempt.discard(error);
    const fields = { component, code: codeOf(error), reason: reasonOf(error), ...traceOf(deliveries, span) };
    if (deliveries.length > 1) {
      // One bad event must not hold up its neighbours: each is handled by itself, as a part of the same attempt.
      span.settled("retried", error);
      this.#noteEnd(attempt, "retried", error);
      log.warn({ ...fields, events: deliveries.length }, "a batch failed; its events are handled one by one");
      return this.#handleSingly(deliveries);
    }
    const delivery = deliveries[0] as Delivery;
    const { channel, entryId } = delivery;
    const verdict = judge(error, delivery.attempt, delivery.subscription.retry, chance.number());
    if (verdict.kind === "bury") {
      this.#aside.bury(delivery, error, attempt);
      return;
    }
    const { attempt: tried } = delivery;
    log.warn(
      { ...fields, channel, entryId, attempt: tried, delayMs: verdict.delayMs },
      "an attempt failed; it will be retried",
    );
    this.#aside.retry(delivery, verdict.block ? "blocked" : "parked", verdict.delayMs, error, attempt);
  }

  /** The run has ended, and another one of the same attempt follows. */
  #noteEnd(attempt: Attempt, outcome: "conflict" | "retried", error: unknown): void {
    this.#context.settler.note(attempt.failedRun(outcome, error, this.#context.clock.now()));
    for (const delivery of attempt.deliveries) delivery.run++;
  }

  async #handleSingly(deliveries: readonly Delivery[]): Promise<void> {
    for (const delivery of deliveries) {
      if (!this.#context.isOpen() || this.#context.inFlight.isBlocked(delivery)) this.#letGo([delivery]);
      else await this.#attempt([delivery]);
    }
  }
}

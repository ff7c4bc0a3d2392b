/** What becomes of a delivery that was not handled: it waits for its retry, parked or with its lane blocked, or becomes a dead letter. */

import { LostEntryError } from "../model/errors.ts";
import { traceIdOf } from "../model/event.ts";
import type { Settlement } from "../ports/settle.ts";
import type { ProcessSpan } from "../ports/tracing.ts";
import { Attempt, lanesOf, maybeWritten } from "./attempt.ts";
import type { HandlingContext } from "./context.ts";
import type { Deferral } from "./deferrals.ts";
import type { Delivery } from "./delivery.ts";
import { codeOf, reasonOf } from "./outcome.ts";

type Verdict = Settlement extends infer S ? (S extends Settlement ? Omit<S, "locks" | "entries"> : never) : never;
type Wait = Extract<Verdict, { readonly delayMs: number }>;

export class SettingAside {
  readonly #context: HandlingContext;

  constructor(context: HandlingContext) {
    this.#context = context;
  }

  /** It has to wait, although nothing has failed: no attempt has begun, so there is no span either. Each wait has a timer of its own. */
  defer(delivery: Delivery, { delayMs, block }: Deferral): void {
    const timer = this.#context.clock.wallNow() + delayMs;
    delivery.attempt--;
    const wait: Wait = { kind: block ? "blocked" : "parked", attempt: delivery.attempt, delayMs };
    this.#putOff(delivery, wait, timer, undefined, () => undefined);
  }

  retry(delivery: Delivery, kind: "parked" | "blocked", delayMs: number, error: unknown, attempt: Attempt): void {
    const { span } = attempt;
    const wait: Wait = { kind, attempt: delivery.attempt, delayMs, failed: attempt.failedRun("retried", error) };
    this.#putOff(delivery, wait, delivery.attempt, span, (lost) => {
      if (lost === undefined) span.settled("retried", error);
      else span.settled("fenced", lost);
    });
  }

  /**
   * Parked: others of its lane go on. Blocked: they wait, and it stays open. The same `timer` is set once only, under `span`. `ended` is called
   * when it is noted, or with why it cannot be.
   */
  #putOff(
    delivery: Delivery,
    wait: Wait,
    timer: number,
    span: ProcessSpan | undefined,
    ended: (lost?: Error) => void,
  ): void {
    const { inFlight, timers, partition, log, component, tracing } = this.#context;
    const { kind, delayMs } = wait;
    delivery.isNoted = true;
    delivery.isBegun = false;
    delivery.starts = 0;
    if (kind === "blocked") inFlight.block(delivery);
    else delivery.phase = "ended";
    const settled = (): void => {
      if (kind === "blocked") unblockLater(this.#context, delivery, delayMs);
      else {
        inFlight.leave(delivery);
        // Not awaited: should the timer be lost, the owner's look finds what is due.
        const triedBy = span?.traceparent ?? "";
        const schedule = () => tracing.quietly(() => timers.schedule(partition, delivery, timer, delayMs, triedBy));
        (span === undefined ? schedule() : span.run(schedule)).catch((reason: unknown) => {
          log.warn({ component, reason: reasonOf(reason) }, "a retry timer could not be set");
        });
      }
      ended();
    };
    this.#submit(delivery, wait, settled, ended);
  }

  /** Without a span (an entry whose handler never ran) it opens the attempt's own. */
  bury(delivery: Delivery, error: unknown, failed?: Attempt): void {
    const { inFlight, log, component, tracing } = this.#context;
    const { channel, entryId, attempt } = delivery;
    const run = failed ?? new Attempt(this.#context, [delivery]);
    const { span } = run;
    const deadSpan = span.sendDead();
    const [errorCode, reason] = [codeOf(error), reasonOf(error)];
    const obituary = { errorCode, error: reason, attempts: attempt, traceparent: span.traceparent };
    const isGone = error instanceof LostEntryError;
    delivery.phase = "ended";
    delivery.isNoted = true;
    this.#submit(
      delivery,
      { kind: "buried", obituary, isGone, failed: run.failedRun("deadLettered", error) },
      (ids) => {
        deadSpan.sent(ids[0] ?? "");
        span.settled("deadLettered", error);
        const fields = { component, channel, entryId, attempt, code: errorCode, reason, ...traceOf([delivery], span) };
        if (isGone) tracing.lost(channel, component, 1);
        log.error(fields, isGone ? "an entry was removed before it was handled: it is lost" : "dead-lettered");
        inFlight.leave(delivery);
      },
      (reason) => {
        deadSpan.failed(reason);
        span.settled("fenced", reason);
      },
    );
  }

  #submit(
    delivery: Delivery,
    what: Verdict,
    settled: (ids: readonly string[]) => void,
    unsettled: (reason: Error) => void,
  ): void {
    const deliveries = [delivery];
    const settlement: Settlement = { ...what, locks: lanesOf(deliveries), entries: deliveries };
    const lost = (reason: Error, isSent: boolean): void => unsettled(isSent ? maybeWritten(reason) : reason);
    this.#context.settler.submit({ deliveries, settlement, size: 0, refusal: undefined, settled, lost });
  }
}

/** Its lane goes on with it when it is due. */
export function unblockLater(
  { clock, inFlight }: Pick<HandlingContext, "clock" | "inFlight">,
  delivery: Delivery,
  delayMs: number,
): void {
  delivery.dueInMs = 0;
  clock.after(delayMs, () => inFlight.unblock(delivery));
}

/** The trace of a delivery, its event, and the ids by which people look for it, for a line of the log; of a batch its first one's. */
export function traceOf([delivery]: readonly Delivery[], span: ProcessSpan): object {
  const { eventId, carrier } = delivery as Delivery;
  const traceId = traceIdOf(carrier);
  const correlation = Object.fromEntries(span.baggageOf(eventId));
  return { ...(traceId !== "" && { trace_id: traceId }), eventId, correlation };
}

/** The ways in which a delivery ends this member's work on it without being handled: parked for a retry or because it has to wait, or buried. */

import { FencedError, LostEntryError } from "../model/errors.ts";
import type { Outcome, ProcessSpan } from "../ports/tracing.ts";
import type { AttemptContext } from "./context.ts";
import type { Deferral } from "./deferrals.ts";
import type { Delivery } from "./delivery.ts";
import { insist } from "./insist.ts";
import { codeOf, reasonOf } from "./outcome.ts";

/** Without a lane to hold: others of its key go on. */
export async function park(
  context: AttemptContext,
  delivery: Delivery,
  error: unknown,
  span: ProcessSpan,
  delayMs: number,
): Promise<void> {
  const { store, timers, hand, log, component, tracing } = context;
  const { membership, attempt } = delivery;
  const parked = await insist(context, "a retry cannot be parked", () =>
    tracing.quietly(() => store.park(membership, delivery, attempt, delayMs)),
  );
  if (parked === true) {
    // Not awaited: whoever parked it is done with it, and the sweep finds it should the timer be lost.
    span
      .run(() => tracing.quietly(() => timers.schedule(membership.partition, delivery, attempt, delayMs)))
      .catch((reason: unknown) => log.warn({ component, reason: reasonOf(reason) }, "a retry timer could not be set"));
  }
  const outcome: Outcome = parked === true ? "retried" : parked === false ? "fenced" : "abandoned";
  span.settled(outcome, error);
  hand.leave(delivery);
}

/** Parks what has to wait. No attempt has begun: nothing of it is counted. */
export async function defer(context: AttemptContext, delivery: Delivery, { delayMs }: Deferral): Promise<void> {
  const { store, timers, hand, log, component, tracing } = context;
  const { membership } = delivery;
  const parked = await insist(context, "a delivery cannot be parked", () =>
    tracing.quietly(() => store.park(membership, delivery, delivery.attempt - 1, delayMs)),
  );
  if (parked === true) {
    // Each wait has a timer of its own: the one before may still be running.
    const timer = Date.now() + delayMs;
    tracing
      .quietly(() => timers.schedule(membership.partition, delivery, timer, delayMs))
      .catch((reason: unknown) => log.warn({ component, reason: reasonOf(reason) }, "a timer could not be set"));
  }
  hand.leave(delivery);
}

/** Without a span (an entry whose handler never ran) it opens the attempt's own. */
export async function bury(
  context: AttemptContext,
  delivery: Delivery,
  error: unknown,
  attemptSpan?: ProcessSpan,
): Promise<void> {
  const { store, hand, log, component, tracing } = context;
  const { channel, entryId, membership, attempt } = delivery;
  const span =
    attemptSpan ??
    tracing.process({
      channel: delivery.subscription.channel,
      component,
      member: membership.member,
      partition: membership.partition,
      entries: [delivery],
      attempt,
      claimed: delivery.claimed,
    });
  const deadSpan = span.sendDead();
  const obituary = {
    errorCode: codeOf(error),
    error: reasonOf(error),
    attempts: attempt,
    traceparent: span.traceparent,
  };
  const deadId = await insist(context, "a dead letter cannot be written", () =>
    tracing.quietly(() => store.bury(membership, delivery, obituary)),
  );
  if (deadId === undefined) {
    const fenced = new FencedError("the delivery was taken over by another member");
    deadSpan.failed(fenced);
    span.settled(context.signal.aborted ? "abandoned" : "fenced", error);
    hand.leave(delivery);
    return;
  }
  deadSpan.sent(deadId);
  span.settled("deadLettered", error);
  const fields = { component, channel, entryId, attempt, code: obituary.errorCode, reason: obituary.error };
  if (error instanceof LostEntryError) {
    tracing.lost(channel, component, 1);
    log.error(fields, "an entry was trimmed or deleted before it was handled: it is lost");
  } else log.error(fields, "dead-lettered");
  hand.leave(delivery, "deadLettered");
}

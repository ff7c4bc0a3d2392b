/** Sends a numbered batch under a hold, over one session: what comes back is heard only as long as that session is the one in use. */

import type { Clock } from "../ports/clock.ts";
import type { Batch, SettleReply, Settling } from "../ports/settle.ts";
import type { Hold, Moment } from "./hold.ts";

/** Where batches are sent from. */
export interface BatchSender {
  readonly hold: Hold;
  readonly clock: Clock;
}

/**
 * `isInUse`: an answer of a session that is lost says nothing about what was sent again since, and neither does its end. `onReply` is told when the batch
 * was sent, too.
 */
export function settleUnder(
  { hold, clock }: BatchSender,
  session: Pick<Settling, "settle">,
  batch: Batch,
  isInUse: () => boolean,
  onReply: (reply: SettleReply, sentAt: Moment) => void,
): void {
  const sentAt = { now: clock.now(), wallNow: clock.wallNow() };
  session.settle(hold.claim, batch).then(
    (reply) => {
      if (isInUse()) onReply(reply, sentAt);
    },
    () => {
      if (isInUse()) hold.broken(session);
    },
  );
}

/** Sends a numbered batch under a hold, over one session: what comes back is heard only as long as that session is the one in use. */

import type { Clock } from "../ports/clock.ts";
import type { Batch, SettleReply, Settling } from "../ports/settle.ts";
import { goneBack, type Hold } from "./hold.ts";

/** Where batches are sent from. */
export interface BatchSender {
  readonly hold: Hold;
  readonly clock: Clock;
}

/** What is left to the sender. */
export type Heard = Exclude<SettleReply, { readonly outcome: "fenced" | "regressed" }>;

/** `isAwaited`: an answer of a session that is lost says nothing about what was sent again since, and neither does its end. */
export function settleUnder(
  { hold, clock }: BatchSender,
  session: Pick<Settling, "settle">,
  batch: Batch,
  isAwaited: () => boolean,
  hear: (reply: Heard) => void,
): void {
  const sentAt = { now: clock.now(), wallNow: clock.wallNow() };
  session.settle(hold.claim, batch).then(
    (reply) => {
      if (!isAwaited()) return;
      if (reply.outcome === "fenced") hold.lost("another member has taken the partition");
      else if (reply.outcome === "regressed") hold.lost(goneBack);
      else {
        hear(reply);
        if (reply.outcome === "settled") hold.confirmed(sentAt, reply.wanted, reply.remade);
      }
    },
    () => {
      if (isAwaited()) hold.broken(session);
    },
  );
}

/** What a group that was made again has forgotten is done once more. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Log } from "../ports/log.ts";
import type { DeliveryId, Membership, StreamStore } from "../ports/store.ts";
import type { Hand, Settled } from "./hand.ts";

export interface OnceMoreContext {
  readonly component: string;
  readonly store: Pick<StreamStore, "acknowledgeAgain" | "release">;
  readonly log: Log;
  readonly hand: Hand;
}

/**
 * What was in hand when a join was sent may have been settled or handed back by a script that ran before it, though its answer comes
 * later: then the group that is made again has it pending again, and nobody knows. So when it leaves the hand the same is done once
 * more, which has no effect where the first time had one.
 */
export class OnceMore {
  readonly #context: OnceMoreContext;
  readonly #membership: Membership;
  #left: { readonly delivery: DeliveryId; readonly settled: Settled | undefined }[] = [];
  #isJoined = false;

  constructor(context: OnceMoreContext, membership: Membership) {
    this.#context = context;
    this.#membership = membership;
  }

  /** Of a delivery that the join names. */
  watch(delivery: DeliveryId): void {
    this.#context.hand.watch(delivery, (settled) => {
      this.#left.push({ delivery, settled });
      if (this.#isJoined && this.#left.length === 1) this.#doSoon();
    });
  }

  /** The join was answered, and the member is one still. */
  joined(): void {
    this.#isJoined = true;
    if (this.#left.length > 0) this.#doSoon();
  }

  /** Once for all that leave in a turn. */
  #doSoon(): void {
    const { log, component } = this.#context;
    nextTurn()
      .then(() => this.#do())
      .catch((error: unknown) =>
        log.error(
          { component, reason: String(error) },
          "what its group has forgotten cannot be settled or handed back again: it may be handled again",
        ),
      );
  }

  async #do(): Promise<void> {
    const { store, hand } = this.#context;
    const left = this.#left;
    this.#left = [];
    for (const [channel, of] of Map.groupBy(left, ({ delivery }) => delivery.channel)) {
      const settled = of.filter((one) => one.settled !== undefined);
      const others = of.filter((one) => one.settled === undefined && !hand.holds(one.delivery));
      if (settled.length > 0) await store.acknowledgeAgain(this.#membership, channel, settled.map(idOf));
      if (others.length > 0) await store.release(this.#membership, channel, others.map(idOf), false);
    }
  }
}

function idOf({ delivery }: { readonly delivery: DeliveryId }): string {
  return delivery.entryId;
}

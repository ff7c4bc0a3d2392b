/** Where a member's groups stand: made, made again when they are gone, saved, and what was lost on the way told. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Log } from "../ports/log.ts";
import type { DeliveryId, JoinedGroup, Membership, StreamStore } from "../ports/store.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { Hand, Settled } from "./hand.ts";

export interface PlacesContext {
  readonly component: string;
  readonly partition: number;
  readonly from: "start" | "now";
  readonly store: StreamStore;
  readonly tracing: Tracing;
  readonly log: Log;
  readonly hand: Hand;
  /** Every record was gone, and so what the namespace says about itself. */
  readonly onForgotten: () => void;
}

export class Places {
  readonly #context: PlacesContext;
  #hasJoined = false;

  constructor(context: PlacesContext) {
    this.#context = context;
  }

  /** A new member joins. @throws {StoreError} */
  async join(membership: Membership): Promise<void> {
    const { store, from } = this.#context;
    // A group that was joined before is never made again at the end: what came meanwhile would be passed over.
    const begin = from === "start" || this.#hasJoined ? "0" : "$";
    const places = membership.channels.map(() => ({ begin, lastRead: "", inHand: [] }) as const);
    const { groups } = await store.join(membership, true, places);
    this.#report(groups);
    this.#hasJoined = true;
  }

  /** A group is gone. False: the member's deliveries are void, and it must join under a new name. @throws {StoreError} */
  async joinAgain(membership: Membership, lastRead: ReadonlyMap<string, string>): Promise<boolean> {
    const { store, hand } = this.#context;
    const places = membership.channels.map((channel) => ({
      begin: "0" as const,
      lastRead: lastRead.get(channel) ?? "",
      inHand: hand.idsOf(channel),
    }));
    const again = new Again(this.#context, membership);
    membership.channels.forEach((channel, i) => {
      for (const entryId of places[i]?.inHand ?? []) {
        const delivery = { channel, entryId };
        hand.watch(delivery, (settled) => again.left(delivery, settled));
      }
    });
    const { isRegistered, groups } = await store.join(membership, false, places);
    this.#report(groups);
    if (isRegistered) again.joined();
    return isRegistered;
  }

  /** Saves where the groups stand. False: one is gone. @throws {StoreError} */
  async save(membership: Membership): Promise<boolean> {
    const { store, log, component } = this.#context;
    const { isGone, losses } = await store.savePositions(membership);
    for (const { channel, count, isExact } of losses) {
      if (isExact) this.lost(channel, count);
      else {
        log.warn(
          { component, channel, most: count },
          "entries were removed by somebody else than retention; some of them may not have been delivered",
        );
      }
    }
    return !isGone;
  }

  lost(channel: string, count: number): void {
    const { tracing, log, component } = this.#context;
    tracing.lost(channel, component, count);
    log.error({ component, channel, count }, "entries were trimmed or deleted before they were handled: they are lost");
  }

  #report(groups: readonly JoinedGroup[]): void {
    const { log, component, partition } = this.#context;
    if (this.#hasJoined && groups.some(({ became }) => became === "new")) this.#context.onForgotten();
    for (const { channel, became, lost } of groups) {
      if (became === "there" || (became === "new" && !this.#hasJoined)) continue;
      log.error({ component, channel, partition }, `the group was gone: ${consequences[became]}`);
      if (lost > 0) this.lost(channel, lost);
    }
  }
}

/**
 * What was in hand when a join was sent may have been settled or handed back by a script that ran before it, though its answer comes
 * later: then the group that is made again has it pending again, and nobody knows. So when it leaves the hand the same is done once
 * more, which has no effect where the first time had one.
 */
class Again {
  readonly #context: Pick<PlacesContext, "store" | "log" | "component" | "hand">;
  readonly #membership: Membership;
  #left: { readonly delivery: DeliveryId; readonly settled: Settled | undefined }[] = [];
  #isJoined = false;

  constructor(context: Pick<PlacesContext, "store" | "log" | "component" | "hand">, membership: Membership) {
    this.#context = context;
    this.#membership = membership;
  }

  left(delivery: DeliveryId, settled: Settled | undefined): void {
    this.#left.push({ delivery, settled });
    if (this.#isJoined && this.#left.length === 1) this.#doSoon();
  }

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
          "what was settled while the group was gone cannot be acknowledged again: it may be handled again",
        ),
      );
  }

  async #do(): Promise<void> {
    const { store, hand } = this.#context;
    const left = this.#left;
    this.#left = [];
    for (const [channel, of] of Map.groupBy(left, ({ delivery }) => delivery.channel)) {
      const settled = of.filter((one) => one.settled !== undefined);
      const others = of.filter((one) => one.settled === undefined && !hand.knows(one.delivery));
      if (settled.length > 0) await store.acknowledgeAgain(this.#membership, channel, settled.map(idOf));
      if (others.length > 0) await store.release(this.#membership, channel, others.map(idOf), false);
    }
  }
}

function idOf({ delivery }: { readonly delivery: DeliveryId }): string {
  return delivery.entryId;
}

const consequences = {
  new: "so was every record of it; it begins at the oldest entry",
  whole: "it was made again as it was",
  again: "it was made again at its saved position; what was settled since then is handled again",
  gone: "its stream was, too; both begin anew",
} as const;

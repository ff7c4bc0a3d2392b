/** Where a member's groups stand: made, made again when they are gone, saved, and what was lost on the way told. */

import type { Log } from "../ports/log.ts";
import type { JoinedGroup, Membership, StreamStore } from "../ports/store.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { Hand } from "./hand.ts";
import { OnceMore } from "./once-more.ts";

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
    const onceMore = new OnceMore(this.#context, membership);
    membership.channels.forEach((channel, i) => {
      for (const entryId of places[i]?.inHand ?? []) onceMore.watch({ channel, entryId });
    });
    const { isRegistered, groups } = await store.join(membership, false, places);
    this.#report(groups);
    if (isRegistered) onceMore.joined();
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

const consequences = {
  new: "so was every record of it; it begins at the oldest entry",
  whole: "it was made again as it was",
  again: "it was made again at its saved position; what was settled since then is handled again",
  gone: "its stream was, too; both begin anew",
} as const;

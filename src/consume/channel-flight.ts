/** What an owner has in flight of one channel, in the order of the stream, and how far it has come there. */

import { compareIds } from "../model/entry-ids.ts";
import type { AttemptCount, NewestRead, Start } from "../ports/own.ts";
import type { Delivery } from "./delivery.ts";
import { RollingList } from "./rolling-list.ts";
import type { Subscription } from "./subscription.ts";

export class ChannelFlight {
  readonly subscription: Subscription;
  /** Entries that the stream ever had up to the ordinal 0, and those between that were removed. */
  entriesReadBefore: number | undefined;
  /** Where attempts were counted before, by entry id. */
  readonly counts: ReadonlyMap<string, AttemptCount>;
  /** Read and not settled, and what was open when the slice was acquired. In the order of the stream. */
  readonly deliveries: RollingList<Delivery> = new RollingList<Delivery>();
  /** Retries that are due, by entry id. */
  readonly parked: Map<string, Delivery> = new Map<string, Delivery>();
  /** The greatest that is finished, or will be once the batches are answered, and its ordinal. */
  at: string;
  atOrdinal = 0;
  /** After the position: what a dead owner had begun. */
  readonly begun: ReadonlySet<string>;
  /** The cursor: the last entry read. */
  after: string;
  newest: NewestRead | undefined;
  /** Entries read so far. */
  read = 0;

  constructor(subscription: Subscription, { at, entriesRead, counts, begun }: Start) {
    this.subscription = subscription;
    this.counts = new Map(counts.map(({ entryId, record }) => [entryId, record]));
    this.entriesReadBefore = entriesRead;
    this.at = at;
    this.after = at;
    this.begun = new Set(begun);
  }

  /** Among the deliveries. */
  has(entryId: string): boolean {
    for (const delivery of this.deliveries)
      if (compareIds(delivery.entryId, entryId) >= 0) return delivery.entryId === entryId;
    return false;
  }
}

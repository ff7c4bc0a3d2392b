/** Everything that this member has in hand: read or claimed, and not settled. */

import type { DeliveryId } from "../ports/store.ts";
import type { Delivery } from "./delivery.ts";
import { RollingMap } from "./rolling-map.ts";

/** How a delivery left the hand for good. */
export type Settled = "acked" | "deadLettered";

export class Hand {
  readonly #maxEntries: number;
  readonly #maxSize: number;
  /** By channel and entry id. */
  readonly #deliveries = new Map<string, RollingMap<string, Delivery>>();
  #count = 0;
  #size = 0;
  /** While own pending entries are paged through: what left the hand since the paging began. */
  #leftSince: Set<string> | undefined;
  /** Who wants to hear of the departure of some of them, by name. */
  readonly #watched = new Map<string, (settled: Settled | undefined) => void>();
  /** Called at each departure; each caller removes itself. */
  readonly #onLeave = new Set<() => void>();
  /** Waiting for one entry's settlement, by name. */
  readonly #waiters = new Map<string, ((outcome: Settled) => void)[]>();

  constructor(maxEntries: number, maxSize: number) {
    this.#maxEntries = maxEntries;
    this.#maxSize = maxSize;
  }

  get count(): number {
    return this.#count;
  }

  /** How many more entries may be taken; below 1 when the hand is full. The mean size so far bounds the bytes of the next read. */
  get room(): number {
    const mean = this.#count === 0 ? 0 : this.#size / this.#count;
    const bySize = mean === 0 ? this.#maxEntries : Math.floor((this.#maxSize - this.#size) / mean);
    return Math.min(this.#maxEntries - this.#count, bySize);
  }

  /** Resolves when there is room, or the signal aborts. */
  async whenRoom(signal: AbortSignal): Promise<void> {
    while (this.room < 1 && !signal.aborted) await this.left(signal);
  }

  /** Resolves when the next delivery leaves, or the signal aborts. */
  left(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#onLeave.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.#onLeave.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  /** Takes a delivery in hand. An older delivery of the same entry is void from now on: the entry came back to this member. */
  take(delivery: Delivery): void {
    const { channel, entryId } = delivery;
    let ofChannel = this.#deliveries.get(channel);
    if (ofChannel === undefined) {
      ofChannel = new RollingMap();
      this.#deliveries.set(channel, ofChannel);
    }
    const older = ofChannel.set(entryId, delivery);
    if (older === undefined) this.#count++;
    else {
      older.isVoid = true;
      this.#size -= older.size;
    }
    this.#size += delivery.size;
  }

  /** Lets go of a delivery. `settled` tells those who wait for it. */
  leave(delivery: Delivery, settled?: Settled): void {
    const { channel, entryId } = delivery;
    if (this.#deliveries.get(channel)?.delete(entryId, delivery) === true) {
      this.#count--;
      this.#size -= delivery.size;
      this.#leftSince?.add(nameOf(delivery));
      if (this.#watched.size > 0) this.#tellWatcher(nameOf(delivery), settled);
    }
    if (settled !== undefined && this.#waiters.size > 0) {
      const name = nameOf(delivery);
      for (const wake of this.#waiters.get(name) ?? []) wake(settled);
      this.#waiters.delete(name);
    }
    if (this.#onLeave.size > 0) for (const wake of [...this.#onLeave]) wake();
  }

  /** Calls back once when the entry leaves the hand; a later watch takes an earlier one's place. */
  watch(delivery: DeliveryId, left: (settled: Settled | undefined) => void): void {
    this.#watched.set(nameOf(delivery), left);
  }

  #tellWatcher(name: string, settled: Settled | undefined): void {
    const left = this.#watched.get(name);
    this.#watched.delete(name);
    left?.(settled);
  }

  /** The channels that something is in hand of. */
  channels(): readonly string[] {
    return [...this.#deliveries].flatMap(([channel, { size }]) => (size > 0 ? [channel] : []));
  }

  /** The entries of a channel that are in hand. */
  idsOf(channel: string): readonly string[] {
    return this.#deliveries.get(channel)?.keys() ?? [];
  }

  /** Everything in hand belongs to somebody else now. */
  voidAll(): void {
    for (const ofChannel of this.#deliveries.values()) {
      for (const delivery of ofChannel.values()) {
        delivery.isVoid = true;
        this.leave(delivery);
      }
    }
  }

  /**
   * From now until `endPaging`, remembers what leaves. A page of own pending entries may be older than the settlements that were
   * answered while it travelled; taken in again, those entries would be handled twice.
   */
  beginPaging(): void {
    this.#leftSince = new Set();
  }

  endPaging(): void {
    this.#leftSince = undefined;
  }

  /** Whether it is this very delivery that is in hand, and not a later one of the same entry. */
  has(delivery: Delivery): boolean {
    return this.#deliveries.get(delivery.channel)?.get(delivery.entryId) === delivery;
  }

  holds({ channel, entryId }: DeliveryId): boolean {
    return this.#deliveries.get(channel)?.has(entryId) === true;
  }

  /** Whether an entry found among this member's pending ones is already in hand, or was until a moment ago. */
  knows(delivery: DeliveryId): boolean {
    return this.holds(delivery) || this.#leftSince?.has(nameOf(delivery)) === true;
  }

  /** Resolves when the entry is settled by this member. */
  settled(delivery: DeliveryId, signal: AbortSignal): Promise<Settled | undefined> {
    const name = nameOf(delivery);
    return new Promise((resolve) => {
      const wake = (outcome: Settled | undefined): void => {
        signal.removeEventListener("abort", abort);
        resolve(outcome);
      };
      const abort = (): void => {
        const waiters = (this.#waiters.get(name) ?? []).filter((one) => one !== wake);
        if (waiters.length === 0) this.#waiters.delete(name);
        else this.#waiters.set(name, waiters);
        wake(undefined);
      };
      const waiters = this.#waiters.get(name);
      if (waiters === undefined) this.#waiters.set(name, [wake]);
      else waiters.push(wake);
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}

/** Tells deliveries of one partition apart. */
function nameOf({ channel, entryId }: DeliveryId): string {
  return `${channel}/${entryId}`;
}

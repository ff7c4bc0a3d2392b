/** A row as somebody sees it who does not own it: for how long it has stood still, by the watcher's own monotonic clock alone. */

import type { OwnerRow } from "../ports/own.ts";

export class RowWatch {
  /** A longer gap between two looks proves nothing: the watcher itself may have stood still, and an old answer waited for it. */
  readonly #longestGapMs: number;
  #row: OwnerRow | undefined;
  #isNew = true;
  /** Receipt of the first look that showed the row as it is, and the owner as it is. */
  #rowSince = 0;
  #ownerSince = 0;
  #sentAt = 0;
  #receivedAt = 0;

  constructor(takeoverAfterMs: number) {
    this.#longestGapMs = takeoverAfterMs / 4;
  }

  /** Both times on the monotonic clock, ms. */
  saw(row: OwnerRow | undefined, sentAt: number, receivedAt: number): void {
    const before = this.#row;
    const isGap = this.#isNew || sentAt - this.#receivedAt > this.#longestGapMs;
    const isSameOwner = before?.epoch === row?.epoch && before?.owner === row?.owner;
    if (isGap || !isSameOwner) this.#ownerSince = receivedAt;
    if (isGap || !isSameOwner || before?.beat !== row?.beat) this.#rowSince = receivedAt;
    this.#row = row;
    this.#isNew = false;
    this.#sentAt = sentAt;
    this.#receivedAt = receivedAt;
  }

  /** From the receipt of the first look that showed the row so to the sending of the last one, ms. */
  get unchangedMs(): number {
    return this.#sentAt - this.#rowSince;
  }

  /** Likewise since it changed hands. */
  get sameOwnerMs(): number {
    return this.#sentAt - this.#ownerSince;
  }

  reset(): void {
    this.#isNew = true;
  }
}

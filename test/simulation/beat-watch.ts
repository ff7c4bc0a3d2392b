/** When each owner has truly beaten last, on whichever server: what a watcher may take for a death is judged by it. */

import type { Row } from "../../src/memory/row.ts";

export class BeatWatch {
  readonly #now: () => number;
  /**
   * Rows must have stood still for so long, ms. Not for all of `takeoverAfterMs`: a beat that a failover takes back before anybody has seen it
   * is as if it had not been, and between two looks a quarter of the time may pass.
   */
  readonly leastMs: number;
  readonly #rows = new Map<number, Row>();
  /** By owner, true time. */
  readonly #beatAt = new Map<string, number>();

  constructor(now: () => number, takeoverAfterMs: number) {
    this.#now = now;
    this.leastMs = 0.75 * takeoverAfterMs;
  }

  saw(partition: number, row: Row): void {
    const before = this.#rows.get(partition);
    if (before === row) return;
    this.#rows.set(partition, row);
    if (before?.owner !== row.owner || before.epoch !== row.epoch || before.beat !== row.beat)
      this.#beatAt.set(row.owner, this.#now());
  }

  /** The row is an older one again: nobody has beaten. */
  wentBack(partition: number, row: Row): void {
    this.#rows.set(partition, row);
  }

  msSince(owner: string): number {
    return this.#now() - (this.#beatAt.get(owner) ?? Number.NEGATIVE_INFINITY);
  }
}

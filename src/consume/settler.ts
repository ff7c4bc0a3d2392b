/** Gathers settlements into batches: one script for many, a few on the wire at once, in order. */

import type { Membership, Settlement, SettleResult, StreamStore } from "../ports.ts";

/** Most settlements in one script: those with effects take the server ten times as long as an acknowledgement. */
const maxBatch = 512;
const maxEffects = 128;
/** Scripts on the wire at once: the next one is being built while one runs. Fewer than the numbers that Redis remembers. */
const maxInFlight = 3;

interface Waiting {
  readonly membership: Membership;
  readonly settlement: Settlement;
  readonly done: (result: SettleResult) => void;
}

export class Settler {
  readonly #store: Pick<StreamStore, "settle">;
  /** Runs the store's commands without making spans of them. */
  readonly #quietly: <T>(run: () => T) => T;
  #queue: Waiting[] = [];
  #inFlight = 0;
  #flushDue = false;

  constructor(store: Pick<StreamStore, "settle">, quietly: <T>(run: () => T) => T) {
    this.#store = store;
    this.#quietly = quietly;
  }

  /** `done` is called with the result, once. */
  submit(membership: Membership, settlement: Settlement, done: (result: SettleResult) => void): void {
    this.#queue.push({ membership, settlement, done });
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#inFlight < maxInFlight && this.#queue.length > 0) {
      const { membership } = this.#queue[0] as Waiting;
      let count = 0;
      let effects = 0;
      while (count < maxBatch && effects < maxEffects) {
        const next = this.#queue[count];
        if (next?.membership !== membership) break;
        if (hasEffects(next.settlement)) effects++;
        count++;
      }
      this.#send(membership, this.#queue.splice(0, count));
    }
  }

  #send(membership: Membership, batch: readonly Waiting[]): void {
    this.#inFlight++;
    const settlements = batch.map(({ settlement }) => settlement);
    this.#quietly(() => this.#store.settle(membership, settlements)).then((results) => {
      this.#inFlight--;
      for (let i = 0; i < batch.length; i++) batch[i]?.done(results[i] as SettleResult);
      this.#flush();
    });
  }
}

function hasEffects({ reads, writes, outputs }: Settlement): boolean {
  return reads.length + writes.length + outputs.length > 0;
}

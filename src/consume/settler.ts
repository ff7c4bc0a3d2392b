/** Gathers settlements into batches: one script for many, a few on the wire at once, in order. */

import type { Membership, Settlement, SettleResult, StreamStore } from "../ports/store.ts";

/** Most settlements in one script: those with effects take the server ten times as long as an acknowledgement. */
const maxBatch = 512;
const maxEffects = 128;
/** Most outputs and keys of state in one script, and about how many bytes; a settlement that has more goes alone. */
const maxParts = 1_000;
const maxSize = 1_048_576;
/** Scripts on the wire at once: the next one is being built while one runs. Fewer than the numbers that Redis remembers. */
const maxInFlight = 3;

/** A settlement with whom it belongs to. */
export interface Submission extends Settlement {
  readonly membership: Membership;
  /** An estimate of its outputs' bytes. */
  readonly size: number;
  /** Called with the result, once for each time that it is submitted. */
  settled(result: SettleResult): void;
}

export class Settler {
  readonly #store: Pick<StreamStore, "settle">;
  /** Runs the store's commands without making spans of them. */
  readonly #quietly: <T>(run: () => T) => T;
  #queue: Submission[] = [];
  #inFlight = 0;
  #flushDue = false;

  constructor(store: Pick<StreamStore, "settle">, quietly: <T>(run: () => T) => T) {
    this.#store = store;
    this.#quietly = quietly;
  }

  submit(submission: Submission): void {
    this.#queue.push(submission);
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#inFlight < maxInFlight && this.#queue.length > 0) {
      const { membership } = this.#queue[0] as Submission;
      let count = 0;
      let effects = 0;
      let parts = 0;
      let size = 0;
      while (count < maxBatch && effects < maxEffects) {
        const next = this.#queue[count];
        if (next?.membership !== membership) break;
        const own = partsOf(next);
        if (own > 0) {
          parts += own;
          size += next.size;
          if (count > 0 && (parts > maxParts || size > maxSize)) break;
          effects++;
        }
        count++;
      }
      this.#send(membership, this.#queue.splice(0, count));
    }
  }

  #send(membership: Membership, batch: readonly Submission[]): void {
    this.#inFlight++;
    this.#quietly(() => this.#store.settle(membership, batch)).then((results) => {
      this.#inFlight--;
      for (let i = 0; i < batch.length; i++) batch[i]?.settled(results[i] as SettleResult);
      this.#flush();
    });
  }
}

/** 0: it is an acknowledgement alone. */
function partsOf({ reads, writes, outputs }: Settlement): number {
  return reads.length + writes.length + outputs.length;
}

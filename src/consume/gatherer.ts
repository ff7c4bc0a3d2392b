/** Gathers the deliveries of one batch subscription until there are enough of them, or the first has waited long enough. */

import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "./delivery.ts";

export class Gatherer {
  readonly #clock: Clock;
  readonly #maxSize: number;
  readonly #maxWaitMs: number;
  readonly #ready: (batch: readonly Delivery[]) => void;
  #gathered: { readonly delivery: Delivery; readonly turn: number }[] = [];
  /** Cancels the timer that runs while something is gathered and no earlier batch is under way. */
  #cancel: (() => void) | undefined;
  /** Batches handed on and not finished: while there are any, the next one may grow to its full size. */
  #underWay = 0;

  constructor(clock: Clock, maxSize: number, maxWaitMs: number, ready: (batch: readonly Delivery[]) => void) {
    this.#clock = clock;
    this.#maxSize = maxSize;
    this.#maxWaitMs = maxWaitMs;
    this.#ready = ready;
  }

  add(delivery: Delivery): void {
    this.#gathered.push({ delivery, turn: delivery.turn });
    if (this.#gathered.length >= this.#maxSize) this.#close();
    else if (this.#underWay === 0) this.#cancel ??= this.#clock.after(this.#maxWaitMs, () => this.#close());
  }

  /** An earlier batch has been handled. */
  finished(): void {
    this.#underWay--;
    if (this.#underWay === 0 && this.#gathered.length > 0) this.#close();
  }

  /** Forgets what is gathered. */
  clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#gathered = [];
  }

  #close(): void {
    // What was let go meanwhile comes again in its order.
    const current = this.#gathered.filter(({ delivery, turn }) => delivery.turn === turn);
    const batch = current.map(({ delivery }) => delivery);
    this.clear();
    this.#underWay++;
    this.#ready(batch);
  }
}

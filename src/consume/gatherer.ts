/** Gathers the deliveries of one batch subscription until there are enough of them, or the first has waited long enough. */

import type { Delivery } from "./delivery.ts";

export class Gatherer {
  readonly #maxSize: number;
  readonly #maxWaitMs: number;
  readonly #ready: (batch: readonly Delivery[]) => void;
  #gathered: Delivery[] = [];
  /** Runs while something is gathered and no earlier batch is under way. */
  #timer: NodeJS.Timeout | undefined;
  /** Batches handed on and not finished: while there are any, the next one may grow to its full size. */
  #underWay = 0;

  constructor(maxSize: number, maxWaitMs: number, ready: (batch: readonly Delivery[]) => void) {
    this.#maxSize = maxSize;
    this.#maxWaitMs = maxWaitMs;
    this.#ready = ready;
  }

  add(delivery: Delivery): void {
    this.#gathered.push(delivery);
    if (this.#gathered.length >= this.#maxSize) this.#close();
    else if (this.#underWay === 0) this.#timer ??= setTimeout(() => this.#close(), this.#maxWaitMs);
  }

  /** An earlier batch has been handled. */
  finished(): void {
    this.#underWay--;
    if (this.#underWay === 0 && this.#gathered.length > 0) this.#close();
  }

  /** Takes out what is gathered, without handing it on. */
  clear(): readonly Delivery[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#gathered.splice(0);
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#underWay++;
    this.#ready(this.#gathered.splice(0));
  }
}

/** A system outside of the log, such as a venue: it keeps the highest fence of each slice, and refuses a lower one. */

import type { Fence } from "../../src/ownership/fence.ts";

export class Outside {
  readonly #highest = new Map<number, Fence>();

  /** False: refused, as a later owner was here before. */
  admit(partition: number, fence: Fence): boolean {
    const highest = this.#highest.get(partition);
    if (highest !== undefined) {
      if (fence.epoch < highest.epoch) return false;
      if (fence.epoch === highest.epoch && fence.token !== highest.token) return false;
    }
    this.#highest.set(partition, fence);
    return true;
  }
}

/** A system outside of the log, such as a venue: it keeps the highest fence of each slice, and does what has the same effect id once. */

import type { Fence } from "../../src/ownership/fence.ts";

export class Outside {
  readonly #highest = new Map<number, Fence>();
  readonly #done = new Set<string>();

  /** False: refused, as a later owner was here before. */
  call(partition: number, effectId: string, fence: Fence): boolean {
    const highest = this.#highest.get(partition);
    if (highest !== undefined) {
      if (fence.epoch < highest.epoch) return false;
      if (fence.epoch === highest.epoch && fence.token !== highest.token) return false;
    }
    this.#highest.set(partition, fence);
    this.#done.add(effectId);
    return true;
  }

  has(effectId: string): boolean {
    return this.#done.has(effectId);
  }
}

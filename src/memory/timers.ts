/** Retry timers in memory: each wakes all of a component's members in the process, and the owner takes what is due. */

import type { DeliveryId } from "../ports/delivery.ts";
import type { RetryTimers } from "../ports/timers.ts";

type Wake = (partition: number, delivery: DeliveryId, triedBy: string) => Promise<void>;

/** The timers of one component, shared by its members. */
export class MemoryTimers {
  readonly #after: (ms: number, run: () => void) => () => void;
  readonly #members = new Set<Wake>();

  constructor(after: (ms: number, run: () => void) => () => void) {
    this.#after = after;
  }

  /** For one member. */
  member(): RetryTimers {
    let listening: Wake | undefined;
    return {
      schedule: async (partition, delivery, _attempt, delayMs, triedBy) => {
        this.#after(delayMs, () => {
          for (const wake of this.#members) wake(partition, delivery, triedBy).catch(() => undefined); // the owner's look finds it
        });
      },
      listen: async (wake) => {
        listening = wake;
        this.#members.add(wake);
      },
      close: async () => {
        if (listening !== undefined) this.#members.delete(listening);
      },
    };
  }
}

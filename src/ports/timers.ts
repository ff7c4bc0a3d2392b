/** The clock of retries, as the core needs it. */

import type { DeliveryId } from "./store.ts";

/** The clock of retries. Losing a timer delays a retry until the sweep finds it; it never loses the delivery. */
export interface RetryTimers {
  /** Wakes some member of the component after the delay. The same delivery and attempt set one timer only. */
  schedule(partition: number, delivery: DeliveryId, attempt: number, delayMs: number): Promise<void>;
  /** Starts to take timers for this member. `wake` is called for each that fires. */
  listen(wake: (partition: number, delivery: DeliveryId) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

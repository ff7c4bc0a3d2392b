/** Timers of retries, as the core needs them. */

import type { DeliveryId } from "./delivery.ts";

/** Timers that start retries. A lost timer delays its retry until the sweep finds the delivery; the delivery itself is never lost. */
export interface RetryTimers {
  /**
   * Wakes some member of the component after the delay. The same delivery and number, of an attempt or a wait, set one timer only.
   * `triedBy`: traceparent of the attempt that failed, for the next one; empty where none is traced.
   */
  schedule(partition: number, delivery: DeliveryId, number: number, delayMs: number, triedBy: string): Promise<void>;
  /** Starts to take timers for this member. `wake` is called for each timer that fires. */
  listen(wake: (partition: number, delivery: DeliveryId, triedBy: string) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

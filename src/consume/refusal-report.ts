/** Reports what the store refuses: all of it is counted, and a reason is logged at most once a second, because it concerns every settlement that is tried meanwhile. */

import type { Clock } from "../ports/clock.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";

const everyMs = 1_000;
/** Most entries that one line names. */
const mostNamed = 10;

export class RefusalReport {
  readonly #component: string;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #count: (deliveries: number) => void;
  /** When each reason may be logged again, on the monotonic clock. */
  readonly #againAt = new Map<string, number>();

  constructor(component: string, log: Log, clock: Clock, count: (deliveries: number) => void) {
    this.#component = component;
    this.#log = log;
    this.#clock = clock;
    this.#count = count;
  }

  add(deliveries: readonly DeliveryId[], reason: string): void {
    this.#count(deliveries.length);
    const now = this.#clock.now();
    if (now < (this.#againAt.get(reason) ?? now)) return;
    for (const [known, at] of this.#againAt) if (at <= now) this.#againAt.delete(known);
    this.#againAt.set(reason, now + everyMs);
    const entries = deliveries.slice(0, mostNamed).map(({ channel, entryId }) => `${channel}/${entryId}`);
    const fields = { component: this.#component, entries, count: deliveries.length, reason };
    this.#log.error(fields, "the store refuses settlements: their entries stay open");
  }
}

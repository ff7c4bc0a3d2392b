/** The timer of maintenance: each process asks for the turn, and the store's clock gives each round to one process of a namespace. */

import { setTimeout as delay } from "node:timers/promises";
import { endsWithin } from "../model/waits.ts";
import type { Log } from "../ports/log.ts";
import type { MaintenanceTurns } from "../ports/maintenance-turns.ts";

/** Longest time that closing waits for a running round, ms. */
const closeTimeoutMs = 2_000;

/** The period, the work and the collaborators of maintenance. */
export interface MaintenanceOptions {
  readonly turns: MaintenanceTurns;
  readonly everyMs: number;
  readonly log: Log;
  /** Runs one round. An error of it is logged, and the next round still runs. */
  readonly run: () => Promise<void>;
}

/** Takes part in maintenance from its construction until `close`. Waits by the monotonic clock; the host's wall clock is not used. */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  /** True while turns cannot be asked for, so that the warning is logged once. */
  #isAway = false;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    this.#ended = this.#takePart();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await endsWithin(closeTimeoutMs, this.#ended);
  }

  async #takePart(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const waitMs = await this.#step();
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Asks once, and runs the round if this process gets it. Gives the wait until the next question, ms. */
  async #step(): Promise<number> {
    const { turns, everyMs, log, run } = this.#options;
    const askedAt = performance.now();
    let waitMs: number;
    try {
      waitMs = await turns.take(everyMs);
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway && !this.#stop.signal.aborted) {
        log.warn({ reason: String(error) }, "maintenance is not available; nothing is trimmed meanwhile");
      }
      this.#isAway = true;
      return everyMs;
    }
    if (waitMs > 0 || this.#stop.signal.aborted) return waitMs;
    try {
      await run();
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        log.warn({ reason: String(error) }, "a round of maintenance failed; the next one goes on");
      }
    }
    return Math.max(0, everyMs - (performance.now() - askedAt));
  }
}

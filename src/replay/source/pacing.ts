/** The time at which each entry of a replay or an import is due: by the recorded times between entries, at any speed. */

import { ConfigError } from "../../model/errors.ts";
import type { Speed } from "../../model/speed.ts";

/** The factor of a speed; infinite for `max`. @throws {ConfigError} on an invalid speed */
export function factorOf(speed: Speed): number {
  if (speed === "original") return 1;
  if (speed === "max") return Number.POSITIVE_INFINITY;
  if (typeof speed === "number" && speed > 0) return speed;
  throw new ConfigError(`speed is ${String(speed)}; it is "original", "max", or a number above 0, such as 10`);
}

/**
 * A schedule whose start is the first time that it is asked about. The due time of each entry is relative to that start, never to the entry
 * before, so that a late entry does not delay the next: after a stall the overdue entries go at once, and the schedule is unchanged.
 */
export class Pace {
  readonly #factor: number;
  #firstAt: number | undefined;
  /** Start on the process's monotonic clock, ms. */
  #startedAt = 0;
  #latestMs = 0;

  /** @throws {ConfigError} on an invalid speed */
  constructor(speed: Speed) {
    this.#factor = factorOf(speed);
  }

  /** Greatest delay of an entry behind its due time, ms. */
  get maxLateMs(): number {
    return this.#latestMs;
  }

  /** Ms until an entry is due; 0 where it is due or overdue. `at`: the entry's time, epoch ms, fractions included. */
  waitMs(at: number): number {
    if (this.#factor === Number.POSITIVE_INFINITY) return 0;
    const now = performance.now();
    if (this.#firstAt === undefined) {
      this.#firstAt = at;
      this.#startedAt = now;
    }
    const early = this.#startedAt + (at - this.#firstAt) / this.#factor - now;
    if (early >= 0) return early;
    this.#latestMs = Math.max(this.#latestMs, -early);
    return 0;
  }

  /** Resolves when an entry is due, or the signal aborts. `at`: as for `waitMs`. */
  async due(at: number, signal?: AbortSignal): Promise<void> {
    for (let ms = this.waitMs(at); ms > 0 && signal?.aborted !== true; ms = this.waitMs(at)) await sleep(ms, signal);
  }
}

/** Longest timer that Node supports, ms: a longer gap between two entries is waited for in parts. */
const longestTimerMs = 2 ** 31 - 1;

/** Resolves after `ms`, or when the signal aborts. A timer may fire up to a millisecond early, so the wait is rounded up. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(Math.ceil(ms), longestTimerMs));
    signal?.addEventListener("abort", end, { once: true });
  });
}

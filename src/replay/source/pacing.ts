/** When each entry of a replay or an import is due: by the times between the entries as they were recorded, at any speed. */

import { ConfigError } from "../../model/errors.ts";
import type { Speed } from "../../model/speed.ts";

/** How many times as fast as it was; infinite for `max`. @throws {ConfigError} on what is no speed */
export function factorOf(speed: Speed): number {
  if (speed === "original") return 1;
  if (speed === "max") return Number.POSITIVE_INFINITY;
  if (typeof speed === "number" && speed > 0) return speed;
  throw new ConfigError(`speed is ${String(speed)}; it is "original", "max", or a number above 0, such as 10`);
}

/**
 * A schedule that begins with the first time that it is asked about. Every entry is due by the distance to that one, never to the one
 * before it, so that what one is late by does not delay the next: after a stall the entries that were due meanwhile go at once,
 * and the schedule is as it was.
 */
export class Pace {
  readonly #factor: number;
  #firstAt: number | undefined;
  /** On the process's monotonic clock. */
  #startedAt = 0;
  #latestMs = 0;

  /** @throws {ConfigError} */
  constructor(speed: Speed) {
    this.#factor = factorOf(speed);
  }

  /** By how much, ms, the entry that was furthest behind its time was behind it. */
  get maxLateMs(): number {
    return this.#latestMs;
  }

  /** Ms until an entry of this time is due, 0 where it is due or overdue. `at`: epoch ms, fractions included. */
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

  /** Resolves when an entry of this time is due, or the signal aborts. */
  async due(at: number, signal?: AbortSignal): Promise<void> {
    for (let ms = this.waitMs(at); ms > 0 && signal?.aborted !== true; ms = this.waitMs(at)) await sleep(ms, signal);
  }
}

/** A timer of Node can be no longer than this, ms: a night between two entries is waited for in parts. */
const longestTimerMs = 2 ** 31 - 1;

/** Resolves also when the signal aborts. Never early: a timer may fire up to a millisecond before its time. */
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

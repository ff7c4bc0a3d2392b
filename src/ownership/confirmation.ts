/** When the ownership of a slice was confirmed last, and whether that is lately enough for a handler to start. */

import type { Clock } from "../ports/clock.ts";
import type { Moment } from "./hold.ts";

export class Confirmation {
  readonly #clock: Clock;
  readonly #takeoverAfterMs: number;
  #at: Moment = { now: Number.NEGATIVE_INFINITY, wallNow: Number.NEGATIVE_INFINITY };

  constructor(clock: Clock, takeoverAfterMs: number) {
    this.#clock = clock;
    this.#takeoverAfterMs = takeoverAfterMs;
  }

  /** When what confirms it is sent: nobody knows when the server gets it. */
  get moment(): Moment {
    return { now: this.#clock.now(), wallNow: this.#clock.wallNow() };
  }

  /** On the monotonic clock. */
  get at(): number {
    return this.#at.now;
  }

  /** It was taken by what was sent then. */
  begin(sent: Moment): void {
    this.#at = sent;
  }

  /** Answers may come out of their order. */
  add(sent: Moment): void {
    if (sent.now > this.#at.now) this.#at = sent;
  }

  /**
   * The wall clock too, for a host that was suspended while its monotonic clock stood still. Where both disagree the wall clock was set, or the
   * host suspended, or one after the other: nobody knows how long ago it was.
   */
  get mayStart(): boolean {
    const most = this.#takeoverAfterMs / 2;
    const passedMs = this.#clock.now() - this.#at.now;
    const wallPassedMs = this.#clock.wallNow() - this.#at.wallNow;
    return passedMs <= most && wallPassedMs <= most && Math.abs(wallPassedMs - passedMs) <= this.#takeoverAfterMs / 8;
  }
}

/** A clock that stands still until its test moves it. */

import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../ports/clock.ts";

/** Turns of the event loop that are given to what a timer has set going: promises run to their end in each. */
const turns = 3;

interface Timer {
  readonly at: number;
  readonly place: number;
  readonly run: () => void;
}

export class TestClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();
  #placed = 0;

  /** `startAt`: epoch ms. */
  constructor(startAt: number) {
    this.#now = startAt;
  }

  /** Epoch ms. */
  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), place: this.#placed++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
    }
    this.#now = until;
  }

  #next(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.place < first.place))
        first = timer;
    }
    return first;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}

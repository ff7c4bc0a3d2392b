/** Waiting on the clock port: a pause that can be cut short, and a condition that is looked at again when something changes. */

import type { Clock } from "../ports/clock.ts";

export class Pause {
  readonly #clock: Clock;
  /** Ends the pause that is under way. */
  #end: (() => void) | undefined;
  /** It was woken while nobody waited: the next pause ends at once. */
  #isWoken = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after `ms`, or when it is woken. One at a time. */
  for(ms: number): Promise<void> {
    if (this.#isWoken) {
      this.#isWoken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, () => this.#end?.());
      this.#end = () => {
        this.#end = undefined;
        cancel();
        resolve();
      };
    });
  }

  wake(): void {
    if (this.#end === undefined) this.#isWoken = true;
    else this.#end();
  }
}

/** Tells those who wait that something has changed. */
export class Change {
  #waiting: (() => void)[] = [];

  /** Resolves at the next change. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  tell(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Whether `done` became true within `ms`; looked at again at each change. */
export async function within(clock: Clock, ms: number, change: Change, done: () => boolean): Promise<boolean> {
  let isOver = false;
  const cancel = clock.after(ms, () => {
    isOver = true;
    change.tell();
  });
  while (!done() && !isOver) await change.next();
  cancel();
  return done();
}

/** Waits for what is under way, but no longer than `ms`. */
export async function atMost(clock: Clock, ms: number, underWay: Promise<unknown>): Promise<void> {
  let cancel = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  await Promise.race([underWay, over]);
  cancel();
}

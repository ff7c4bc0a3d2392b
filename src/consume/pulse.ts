/** When a loop last turned, and when Redis last answered it: what a health check goes by, without asking Redis itself. */

/** After this time without a turn a loop stands still, ms: longer than any wait of its own, cut sockets included. */
const stillMs = 30_000;
/** Within this time of an answer Redis is there, ms: longer than a read waits for entries, and than a watchdog for a socket. */
const answeredMs = 6_000;

export class Pulse {
  readonly #now: () => number;
  #turnedAt: number;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #isResting = false;

  /** @param now the monotonic clock, ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#turnedAt = now();
  }

  /** The loop went on, whatever came of it. */
  turned(): void {
    this.#turnedAt = this.#now();
  }

  /** The loop went on, and Redis had done what it asked for. */
  answered(): void {
    this.turned();
    this.#answeredAt = this.#turnedAt;
  }

  /** The loop waits for something that is nobody's fault, such as a hand that is full, for as long as `wait` does. */
  async rest(wait: Promise<void>): Promise<void> {
    this.#isResting = true;
    try {
      await wait;
    } finally {
      this.#isResting = false;
      this.turned();
    }
  }

  get isAnswered(): boolean {
    return this.#now() - this.#answeredAt < answeredMs;
  }

  get isStill(): boolean {
    return !this.#isResting && this.#now() - this.#turnedAt > stillMs;
  }
}

/**
 * Whether a loop stands still that should not. Each is judged by another on the same server: while Redis is away both wait, and
 * a new process would do no better.
 */
export function isStuck(one: Pulse, other: Pulse): boolean {
  return (one.isStill && other.isAnswered) || (other.isStill && one.isAnswered);
}

/** Time and chance, as the core needs them: a simulation draws both from a seed. */

/** The host's clocks. */
export interface Clock {
  /** The monotonic clock, ms. It may stand still while the host is suspended. */
  now(): number;
  /** The wall clock, epoch ms. Anybody may set it. */
  wallNow(): number;
  /** Calls back once, not before `ms` have passed on the monotonic clock. The returned function cancels. */
  after(ms: number, run: () => void): () => void;
  /** Calls back at the end of this turn of the event loop, so that what comes in one turn travels together. */
  soon(run: () => void): void;
}

export interface Chance {
  /** From 0 up to 1. */
  number(): number;
  /** A text that no other call in any process has given: letters, digits, `-` and `_`. */
  token(): string;
}

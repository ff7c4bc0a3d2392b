/** Time and randomness, as the core needs them: a simulation draws both from a seed. */

/** The host's clocks. */
export interface Clock {
  /** The monotonic clock, ms. It may stand still while the host is suspended. */
  now(): number;
  /** The wall clock, epoch ms. It may be set to any time. */
  wallNow(): number;
  /** Calls `run` once, not before `ms` have passed on the monotonic clock. The returned function cancels the call. */
  after(ms: number, run: () => void): () => void;
  /** Calls `run` at the end of this turn of the event loop, so that the work of one turn can be sent together. */
  soon(run: () => void): void;
}

/** A source of randomness. */
export interface Chance {
  /** A number from 0 up to, but not including, 1. */
  number(): number;
  /** A text that no other call in any process gives: letters, digits, `-` and `_`. */
  token(): string;
}

/** A link to the server in memory. */

/** How calls reach the server, and answers come back. */
export interface Link {
  /** Runs a call on the server, in the order of the calls. */
  call<T>(run: () => T): Promise<T>;
  /** Likewise what the server may answer, or refuse, later; `run` returns what gives it up. */
  wait<T>(run: (answer: (value: T) => void, refuse: (refusal: unknown) => void) => () => void): Promise<T>;
  close(): void;
}

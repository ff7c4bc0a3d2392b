/** Turns at maintenance: one process of a namespace runs each round. */

/** Assigns each round to one of the processes that ask. */
export interface MaintenanceTurns {
  /** Asks for a round. 0: the caller runs it; else the wait until the next question, ms, at most `everyMs`. @throws {StoreError} */
  take(everyMs: number): Promise<number>;
}

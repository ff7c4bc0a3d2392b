/** Turns at maintenance: one process of a namespace has each round. */

/** Gives each round to one of the processes that ask. */
export interface MaintenanceTurns {
  /** 0: the next round is the caller's; else in how many ms to ask again, at most `everyMs`. @throws {StoreError} */
  take(everyMs: number): Promise<number>;
}

/** Entries of one millisecond: their order across streams is unknown. */

/** Most entries that are kept. More come only from a clock that was set back, which the search handles in another way. */
const maxNear = 5_000;

/** Holds the entries of the current millisecond that may still turn out to be related. */
export class Neighbourhood<T> {
  #ms = 0;
  #count = 0;
  #entries: T[] = [];

  /** Sets the current millisecond, counts one entry of it, and gives the count. */
  at(ms: number): number {
    if (ms !== this.#ms) {
      this.#ms = ms;
      this.#count = 0;
      this.#entries = [];
    }
    return ++this.#count;
  }

  add(entry: T): void {
    if (this.#entries.length < maxNear) this.#entries.push(entry);
  }

  take(isWanted: (entry: T) => boolean): readonly T[] {
    const taken = this.#entries.filter(isWanted);
    if (taken.length > 0) this.#entries = this.#entries.filter((entry) => !taken.includes(entry));
    return taken;
  }
}

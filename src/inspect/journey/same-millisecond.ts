/** Entries of one millisecond, among which the order of streams says nothing. */

/** More are not kept: so many come from a clock that was set back, and are found another way. */
const maxNear = 5_000;

/** The entries of the millisecond that is being read, as far as they may still turn out to be related. */
export class Neighbourhood<T> {
  #ms = 0;
  #count = 0;
  #entries: T[] = [];

  /** Says which millisecond is being read. How many entries it has had so far. */
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

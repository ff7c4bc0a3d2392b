/** A set of derived event ids that takes 16 to 32 bytes an id: a replay has to know which causes are part of it. */

const firstSlots = 1_024;

/**
 * Keeps 52 bits of each id, which is a digest itself. Of a million ids, one that is not among them is taken for one with a probability
 * of 1 : 4 500 000 000; what would come of it is a cause that names nothing.
 */
export class IdSet {
  /** Open addressing, at most half full. 0: free. */
  #slots: Float64Array = new Float64Array(firstSlots);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(id: string): void {
    if (!this.#insert(digestOf(id))) return;
    if (++this.#size * 2 > this.#slots.length) this.#grow();
  }

  has(id: string): boolean {
    const digest = digestOf(id);
    const mask = this.#slots.length - 1;
    for (let at = digest & mask; ; at = (at + 1) & mask) {
      const found = this.#slots[at];
      if (found === digest) return true;
      if (found === 0) return false;
    }
  }

  /** False where it is there. */
  #insert(digest: number): boolean {
    const mask = this.#slots.length - 1;
    for (let at = digest & mask; ; at = (at + 1) & mask) {
      const found = this.#slots[at];
      if (found === digest) return false;
      if (found !== 0) continue;
      this.#slots[at] = digest;
      return true;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Float64Array(before.length * 2);
    for (const digest of before) if (digest !== 0) this.#insert(digest);
  }
}

/** From 1 to 2^52, of a UUID's hexadecimal digits. `&` takes the lowest 32 bits of it, which are as good as any. */
function digestOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13) + id.slice(15, 16), 16) + 1;
}

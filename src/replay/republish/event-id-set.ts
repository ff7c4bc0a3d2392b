/** A set of derived event ids at 16 to 32 bytes an id, by which a replay knows which causes are part of it. */

const firstSlots = 1_024;

/**
 * Keeps 52 bits of each id, which is itself a digest. With a million ids in the set, a lookup of another id is wrong with a probability of
 * 1 : 4,500,000,000; the consequence would be a cause that names no event.
 */
export class IdSet {
  /** A hash table with open addressing, at most half full. 0 marks a free slot. */
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

  /** Inserts a digest; false where the set has it already. */
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

/** Turns hexadecimal digits of a UUID into a number from 1 to 2^52. `&` later takes its lowest 32 bits, which are as random as the others. */
function digestOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13) + id.slice(15, 16), 16) + 1;
}

/** A list of what comes and goes all the time, in about the order of its coming. */

export interface Listed {
  /** Set by the list. */
  hasLeft: boolean;
}

/** So many that have left, and a quarter of those that are there, are kept before the list is made anew. */
const slack = 16;

/** For what is known by itself, where a `RollingMap` would have to look for it. Made anew, as a map is laid out anew, for the reason that is told there. */
export class RollingList<T extends Listed> {
  #all: T[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Once for each. */
  add(item: T): void {
    this.#all.push(item);
    this.#size++;
  }

  /** False: it had left. */
  remove(item: T): boolean {
    if (item.hasLeft) return false;
    item.hasLeft = true;
    this.#size--;
    if (this.#all.length > 1.25 * this.#size + slack) this.#all = this.#all.filter(({ hasLeft }) => !hasLeft);
    return true;
  }

  /** In the order of their coming. */
  *[Symbol.iterator](): Iterator<T> {
    for (const item of this.#all) if (!item.hasLeft) yield item;
  }
}

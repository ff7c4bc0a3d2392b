/** A map for what comes and goes all the time, in about the order of its coming. */

/** Keys that a part has had when the next one is begun. */
const maxAdded = 512;

/**
 * V8's own map, from which keys are deleted as others are added, is laid out anew again and again, and each table that it has left refers to
 * the next. Once one of them has grown old, all that was in those after it outlives the young collections until the next full one
 * (docs/performance.md). Here it is many maps, each begun afresh and thrown away when it is empty.
 */
export class RollingMap<K, V extends NonNullable<unknown>> {
  /** In the order of their beginnings; keys are added to the last one. */
  readonly #parts: Map<K, V>[] = [new Map()];
  /** To the last part. */
  #added = 0;

  get(key: K): V | undefined {
    // What is asked for came lately or is the oldest.
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const value = (this.#parts[i] as Map<K, V>).get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  /** The key is not there. */
  add(key: K, value: V): void {
    if (this.#added === maxAdded) {
      this.#parts.push(new Map());
      this.#added = 0;
    }
    this.#added++;
    this.#parts.at(-1)?.set(key, value);
  }

  delete(key: K): boolean {
    for (let i = 0; i < this.#parts.length; i++) {
      const part = this.#parts[i] as Map<K, V>;
      if (!part.delete(key)) continue;
      if (part.size === 0 && i < this.#parts.length - 1) this.#parts.splice(i, 1);
      return true;
    }
    return false;
  }
}

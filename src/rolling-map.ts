/** A map for what comes and goes all the time, in about the order of its coming. */

/** Keys that a part has had when the next one is begun. */
const maxAdded = 512;

/**
 * V8's own map, from which keys are deleted as others are added, is laid out anew again and again, and each table that it has left refers to
 * the next. Once one of them has grown old, all that was in those after it outlives the young collections until the next full one
 * (docs/performance.md). Here it is many maps, each begun afresh and thrown away when it is empty.
 */
export class RollingMap<K, V> {
  /** In the order of their beginnings; keys are added to the last one. */
  readonly #parts: Map<K, V>[] = [new Map()];
  /** To the last part. */
  #added = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#partOf(key)?.get(key);
  }

  has(key: K): boolean {
    return this.#partOf(key) !== undefined;
  }

  set(key: K, value: V): void {
    const known = this.#partOf(key);
    if (known !== undefined) {
      known.set(key, value);
      return;
    }
    if (this.#added === maxAdded) {
      this.#parts.push(new Map());
      this.#added = 0;
    }
    this.#added++;
    this.#size++;
    this.#parts.at(-1)?.set(key, value);
  }

  delete(key: K): boolean {
    for (let i = 0; i < this.#parts.length; i++) {
      const part = this.#parts[i] as Map<K, V>;
      if (!part.delete(key)) continue;
      this.#size--;
      if (part.size === 0 && i < this.#parts.length - 1) this.#parts.splice(i, 1);
      return true;
    }
    return false;
  }

  /** In the order of their coming. */
  keys(): K[] {
    return this.#parts.flatMap((part) => [...part.keys()]);
  }

  /** In the order of their coming. */
  values(): V[] {
    return this.#parts.flatMap((part) => [...part.values()]);
  }

  clear(): void {
    this.#parts.splice(0, this.#parts.length, new Map());
    this.#added = 0;
    this.#size = 0;
  }

  #partOf(key: K): Map<K, V> | undefined {
    // What is asked for came lately or is the oldest.
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const part = this.#parts[i] as Map<K, V>;
      if (part.has(key)) return part;
    }
    return undefined;
  }
}

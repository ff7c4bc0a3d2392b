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
  #size = 0;

  get size(): number {
    return this.#size;
  }

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

  /** Returns what the key had before. */
  set(key: K, value: V): V | undefined {
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const part = this.#parts[i] as Map<K, V>;
      const before = part.get(key);
      if (before === undefined) continue;
      part.set(key, value);
      return before;
    }
    if (this.#added === maxAdded) {
      this.#parts.push(new Map());
      this.#added = 0;
    }
    this.#added++;
    this.#size++;
    this.#parts.at(-1)?.set(key, value);
    return undefined;
  }

  /** `value`: only if that is what the key has. */
  delete(key: K, value?: V): boolean {
    for (let i = 0; i < this.#parts.length; i++) {
      const part = this.#parts[i] as Map<K, V>;
      if (value === undefined ? !part.has(key) : part.get(key) !== value) continue;
      part.delete(key);
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

  /** In the order of their coming, without a list of all. */
  *each(): Iterable<V> {
    for (const part of this.#parts) yield* part.values();
  }

  clear(): void {
    this.#parts.splice(0, this.#parts.length, new Map());
    this.#added = 0;
    this.#size = 0;
  }
}

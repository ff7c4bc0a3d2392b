/** A map of what came last. */

/** Parts beside the one that is being filled. */
const olderParts = 4;

/**
 * Several maps, of which the oldest is thrown away as a whole, when its owner says so. A map from which keys are deleted as others are added
 * is laid out anew again and again, and V8 keeps what each of its tables had until the next full collection (docs/performance.md).
 */
export class RecentMap<K, V extends NonNullable<unknown>> {
  /** The newest first. */
  readonly #parts: Map<K, V>[] = [new Map()];

  get(key: K): V | undefined {
    for (const part of this.#parts) {
      const value = part.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  add(key: K, value: V): void {
    this.#newest.set(key, value);
  }

  /** Begins a new part, and forgets the fifth before it. */
  turn(): void {
    if (this.#newest.size > 0 || this.#parts.length > 1) this.#parts.unshift(new Map());
    if (this.#parts.length > olderParts + 1) this.#parts.pop();
  }

  get #newest(): Map<K, V> {
    return this.#parts[0] as Map<K, V>;
  }
}

/** Says when to turn maps that together are to remember at least so many. */
export class Turns {
  readonly #perPart: number;
  #added = 0;

  constructor(most: number) {
    this.#perPart = Math.ceil(most / olderParts);
  }

  count(added: number): void {
    this.#added += added;
  }

  /** True once in each quarter. */
  isDue(): boolean {
    if (this.#added < this.#perPart) return false;
    this.#added = 0;
    return true;
  }
}

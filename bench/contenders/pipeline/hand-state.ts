/** The keyed state of a hand-written component: parsed values in memory, read from a hash where they are not, and written back with what they led to. */

import type { Redis } from "ioredis";

/** The writes of a batch: fields with their new values, and fields that go. */
export interface Writes {
  readonly set: readonly string[];
  readonly gone: readonly string[];
}

export class HandState<V> {
  readonly key: string;
  readonly #client: Redis;
  readonly #values = new Map<string, V | undefined>();
  #changed = new Set<string>();

  constructor(client: Redis, key: string) {
    this.#client = client;
    this.key = key;
  }

  /** Reads those that are not in memory, all in one call. */
  async load(fields: Iterable<string>): Promise<void> {
    const missing = [...new Set(fields)].filter((field) => !this.#values.has(field));
    if (missing.length === 0) return;
    const found = await this.#client.hmget(this.key, ...missing);
    for (const [i, field] of missing.entries()) {
      const json = found[i];
      this.#values.set(field, json == null ? undefined : (JSON.parse(json) as V));
    }
  }

  get(field: string): V | undefined {
    return this.#values.get(field);
  }

  /** Undefined deletes it. */
  set(field: string, value: V | undefined): void {
    if (value === undefined) this.#values.delete(field);
    else this.#values.set(field, value);
    this.#changed.add(field);
  }

  takeWrites(): Writes {
    const set: string[] = [];
    const gone: string[] = [];
    for (const field of this.#changed) {
      const value = this.#values.get(field);
      if (value === undefined) gone.push(field);
      else set.push(field, JSON.stringify(value));
    }
    this.#changed = new Set();
    return { set, gone };
  }
}

/** The server in memory: its keys, its clock, what it refuses, and who waits for new entries. */

import { Keyspace, Refusal } from "./keyspace.ts";

export class MemoryServer {
  readonly keys: Keyspace = new Keyspace();
  /** Memory is full: what would need more is refused. */
  isFull = false;
  /** Its partitions are at several nodes: outputs for another one are relayed. */
  readonly relays: boolean;
  readonly #now: () => number;
  /** Calls back after so many ms, of the server's own monotonic clock. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Called after each change that others may wait for. */
  readonly #watchers = new Set<() => void>();

  /** `now`: the server's clock, epoch ms. */
  constructor(now: () => number, after: (ms: number, run: () => void) => () => void, relays: boolean = false) {
    this.#now = now;
    this.relays = relays;
    this.after = after;
  }

  now(): number {
    return Math.floor(this.#now());
  }

  /** @throws {Refusal} */
  refuseWhenFull(): void {
    if (this.isFull) throw new Refusal("OOM command not allowed when used memory > 'maxmemory'");
  }

  /** Calls back after each change until the returned function is called. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  changed(): void {
    for (const changed of [...this.#watchers]) changed();
  }
}

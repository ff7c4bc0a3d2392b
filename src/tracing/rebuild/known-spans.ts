/** The `send` spans that the log had last. */

/** Most that are remembered. */
const maxKnown = 100_000;

export class KnownSpans {
  /** Those that came since somebody asked last: few parents have to be looked up here, so that most are never indexed. */
  #unlisted: string[] = [];
  readonly #listed = new Set<string>();

  /** `traceparent`: of an entry; empty where it has none. */
  add(traceparent: string): void {
    if (traceparent !== "") this.#unlisted.push(traceparent);
  }

  has(traceId: string, spanId: string): boolean {
    for (const traceparent of this.#unlisted) this.#listed.add(traceparent.slice(3, 52));
    this.#unlisted = [];
    return this.#listed.has(`${traceId}-${spanId}`);
  }

  /** Forgets the oldest. */
  trim(): void {
    let over = this.#listed.size + this.#unlisted.length - maxKnown;
    for (const id of this.#listed) {
      if (over <= 0) return;
      this.#listed.delete(id);
      over--;
    }
    if (over > 0) this.#unlisted.splice(0, over);
  }
}

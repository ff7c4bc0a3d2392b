/** Virtual time: what happens is an event, the next one is the earliest, and between two of them every promise has had its turn. */

interface Scheduled {
  readonly at: number;
  /** Tells events of one moment apart: in the order in which they were scheduled. */
  readonly place: number;
  /** Undefined once it is cancelled. */
  run: (() => void) | undefined;
}

/** Epoch ms at the beginning of every history. */
export const beginning = 1_800_000_000_000;

export class World {
  /** True time, ms from the beginning. */
  now = 0;
  /** Events that have happened. */
  steps = 0;
  readonly #heap: Scheduled[] = [];
  #scheduled = 0;

  /** The returned function cancels. */
  at(ms: number, run: () => void): () => void {
    const scheduled: Scheduled = { at: Math.max(ms, this.now), place: this.#scheduled++, run };
    this.#push(scheduled);
    return () => {
      scheduled.run = undefined;
    };
  }

  after(ms: number, run: () => void): () => void {
    return this.at(this.now + ms, run);
  }

  /** Lets things happen until `isOver` says so, or true time is `until`. */
  async run(until: number, isOver: () => boolean): Promise<void> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      if (next.run === undefined) continue;
      this.now = next.at;
      this.steps++;
      next.run();
      await settled();
      if (isOver()) return;
    }
    this.now = Math.max(this.now, until);
  }

  #push(scheduled: Scheduled): void {
    const heap = this.#heap;
    let i = heap.push(scheduled) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (isBefore(heap[parent] as Scheduled, scheduled)) break;
      heap[i] = heap[parent] as Scheduled;
      i = parent;
    }
    heap[i] = scheduled;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled)) child++;
      if (isBefore(last, heap[child] as Scheduled)) break;
      heap[i] = heap[child] as Scheduled;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.place < b.place);
}

/** Resolves when nothing is left that a promise could do: all of them run before the event loop turns. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

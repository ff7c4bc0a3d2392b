/** Virtual time: what happens is an event, the next one is the earliest, and between two of them every promise has had its turn. */

/** Something that will happen, unless it is cancelled. */
export class Scheduled {
  readonly at: number;
  /** Tells events of one moment apart: in the order in which they were scheduled. */
  readonly place: number;
  /** Undefined once it is cancelled. */
  run: (() => void) | undefined;

  constructor(at: number, place: number, run: () => void) {
    this.at = at;
    this.place = place;
    this.run = run;
  }

  cancel(): void {
    this.run = undefined;
  }
}

/** Epoch ms at the beginning of every history. */
export const beginning = 1_800_000_000_000;

/** To turn the event loop costs as much as to take a step. */
const stepsPerTurn = 64;

export class World {
  /** True time, ms from the beginning. */
  now = 0;
  /** Events that have happened. */
  steps = 0;
  readonly #heap: Scheduled[] = [];
  #scheduled = 0;

  at(ms: number, run: () => void): Scheduled {
    const scheduled = new Scheduled(Math.max(ms, this.now), this.#scheduled++, run);
    this.#push(scheduled);
    return scheduled;
  }

  after(ms: number, run: () => void): Scheduled {
    return this.at(this.now + ms, run);
  }

  /** Lets things happen until `isOver` says so, or true time is `until`. */
  async run(until: number, isOver: () => boolean): Promise<void> {
    await undefined;
    for (let isDone = false; !isDone; ) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.now = Math.max(this.now, until);
        break;
      }
      this.#pop();
      if (next.run === undefined) continue;
      this.now = next.at;
      this.steps++;
      next.run();
      await settled();
      if (this.steps % stepsPerTurn === 0) await turned();
      isDone = isOver();
    }
    await turned();
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

/** Resolves when the event loop has turned: a rejection that nobody handles ends the process before. */
function turned(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when nothing is left that a promise could do: a tick that is asked for by a promise has its turn after all of them. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

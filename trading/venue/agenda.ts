/** What is to be done at some time: a heap by due time, served by one timer. */

interface Item<T> {
  readonly dueAt: number;
  readonly task: T;
}

export class Agenda<T> {
  readonly #heap: Item<T>[] = [];
  readonly #now: () => number;
  readonly #run: (task: T) => void;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(now: () => number, run: (task: T) => void) {
    this.#now = now;
    this.#run = run;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(dueAt: number, task: T): void {
    const heap = this.#heap;
    let at = heap.push({ dueAt, task }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as Item<T>).dueAt <= dueAt) break;
      this.#swap(at, parent);
      at = parent;
    }
    this.#wind();
  }

  /** Runs all that is due. */
  runDue(): void {
    const now = this.#now();
    for (let first = this.#heap[0]; first !== undefined && first.dueAt <= now; first = this.#heap[0]) {
      this.#dropFirst();
      this.#run(first.task);
    }
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#heap.length = 0;
  }

  /** Lets the timer fire when the first item is due. */
  #wind(): void {
    const [first] = this.#heap;
    if (first === undefined || first.dueAt >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = first.dueAt;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.runDue();
        this.#wind();
      },
      Math.min(maxTimerMs, Math.max(0, first.dueAt - this.#now())),
    );
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Item<T>;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const least =
        right < heap.length && (heap[right] as Item<T>).dueAt < (heap[left] as Item<T>).dueAt ? right : left;
      if ((heap[least] as Item<T>).dueAt >= (heap[at] as Item<T>).dueAt) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const item = this.#heap[a] as Item<T>;
    this.#heap[a] = this.#heap[b] as Item<T>;
    this.#heap[b] = item;
  }
}

/** The longest time that a timer of Node keeps, ms. */
const maxTimerMs = 2_147_483_647;

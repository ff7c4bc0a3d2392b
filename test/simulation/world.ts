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

/** To turn the event loop costs as much as to take a step; when it turns, a rejection that nobody handles ends the process. */
const stepsPerTurn = 64;

export class World {
  /** True time, ms from the beginning. */
  now = 0;
  /** Events that have happened. */
  steps = 0;
  /** Of the times of all steps: 32 bits. */
  timesDigest = 0;
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
  run(until: number, isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        if (this.#takeStep(until)) afterPromises(this.steps % stepsPerTurn === 0 ? turn : goOn);
        else setImmediate(resolve);
      };
      const turn = (): void => void setImmediate(goOn);
      const goOn = (): void => {
        try {
          if (isOver()) setImmediate(resolve);
          else step();
        } catch (error) {
          reject(error);
        }
      };
      resolved.then(step).catch(reject);
    });
  }

  /** False: nothing happens until then. */
  #takeStep(until: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.now = Math.max(this.now, until);
        return false;
      }
      this.#pop();
      if (next.run === undefined) continue;
      this.now = next.at;
      this.steps++;
      this.timesDigest = digestWith(this.timesDigest, next.at);
      next.run();
      return true;
    }
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

const oneNumber = new Float64Array(1);
const itsHalves = new Uint32Array(oneNumber.buffer);

function digestWith(digest: number, ms: number): number {
  oneNumber[0] = ms;
  const half = Math.imul(digest ^ (itsHalves[0] as number), 0x01000193);
  return Math.imul(half ^ (half >>> 15) ^ (itsHalves[1] as number), 0x01000193) >>> 0;
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.place < b.place);
}

const resolved = Promise.resolve();

/** Runs when nothing is left that a promise could do: a tick that is asked for by a promise has its turn after all of them. */
function afterPromises(run: () => void): void {
  resolved.then(() => process.nextTick(run));
}

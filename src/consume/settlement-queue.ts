/** Settlements that wait to travel, and which of them may go next: none overtakes another on a lock, and a batch has its limits. */

import { hasEffects, type Settlement } from "../ports/settle.ts";
import type { Delivery } from "./delivery.ts";

/** Most settlements in one batch. */
const maxBatch = 512;
/**
 * Most with effects that could go in the next one as well: one takes the server ten times as long as an acknowledgement. What would have to wait for
 * this batch's answer travels with it: of few keys the batches can only go one after the other, and they wait for each other longer than the server
 * takes.
 */
const maxEffects = 128;
/** Most outputs and keys of state in one batch, and about how many bytes of outputs; a settlement that has more goes alone. */
const maxParts = 1_000;
const maxSize = 1_048_576;
/** How long what the store refuses waits before it is tried again, ms. */
export const refusedDelayMs = { first: 200, most: 10_000 } as const;

/** What is submitted: a settlement, and who is to be told of it. */
export interface Submission {
  readonly deliveries: readonly Delivery[];
  readonly settlement: Settlement;
  /** An estimate of its outputs' bytes. */
  readonly size: number;
  /** Set where the store has refused it. */
  refusal: Refusal | undefined;
  /** It is written; `ids` of its outputs or its dead letter. */
  settled(ids: readonly string[]): void;
  /** The slice is lost first. `isSent`: whether it was written is not known. */
  lost(reason: Error, isSent: boolean): void;
}

export interface Refusal {
  /** It is not sent again until then, on the monotonic clock. */
  readonly notBefore: number;
  /** How long it waits if it is refused again, ms. */
  readonly nextDelayMs: number;
}

/** What travels together. */
export interface Taken {
  readonly submissions: readonly Submission[];
  readonly locks: ReadonlySet<string>;
  /** There was no room for something that waits for nothing else. */
  readonly hasMore: boolean;
}

export class SettlementQueue {
  readonly #isSent: (lock: string) => boolean;
  #waiting: Submission[] = [];
  /** The locks of what was left when the queue was last gone through, and of what has come behind it since. */
  #locks = new Set<string>();

  /** `isSent`: the lock is in a batch that is not answered. */
  constructor(isSent: (lock: string) => boolean) {
    this.#isSent = isSent;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(submission: Submission): void {
    this.#waiting.push(submission);
  }

  /** Before everything that must not overtake it. */
  putBack(submissions: readonly Submission[]): void {
    if (submissions.length > 0) this.#waiting = [...submissions, ...this.#waiting];
  }

  /** Everything, which leaves the queue. */
  empty(): readonly Submission[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  /** Whether what was pushed last has to wait for an answer or a time anyway: then nobody need look for what may travel. */
  isBehind({ locks }: Settlement): boolean {
    if (!locks.some((lock) => this.#isSent(lock) || this.#locks.has(lock))) return false;
    for (const lock of locks) this.#locks.add(lock);
    return true;
  }

  /** The next ones that may travel, with effects only from `effectsFrom` on: a lock is in one unanswered batch at most. */
  take(now: number, effectsFrom: number): Taken {
    const held = new Set<string>();
    const locks = new Set<string>();
    const taken: Submission[] = [];
    const left: Submission[] = [];
    let effects = 0;
    let parts = 0;
    let size = 0;
    let isCut = false;
    let hasMore = false;
    for (const submission of this.#waiting) {
      const { settlement, size: ownSize, refusal } = submission;
      const isEffect = hasEffects(settlement);
      const ownParts = partsOf(settlement);
      const isDue = (refusal === undefined || refusal.notBefore <= now) && !(isEffect && now < effectsFrom);
      const isFull =
        taken.length >= maxBatch ||
        (effects >= maxEffects && !(ownParts > 0 && settlement.locks.some((lock) => locks.has(lock)))) ||
        parts + ownParts > maxParts ||
        size + ownSize > maxSize;
      // A dead letter begins a batch: what was handled before it is settled before it, also in the log that a replay goes by.
      isCut ||=
        settlement.kind === "buried" && taken.at(-1) !== undefined && taken.at(-1)?.settlement.kind !== "buried";
      const hasRoom = !isCut && (!isFull || (isEffect ? taken.length === 0 : taken.length < maxBatch));
      const isFree = isDue && !settlement.locks.some((lock) => held.has(lock) || this.#isSent(lock));
      if (isFree && hasRoom) {
        taken.push(submission);
        for (const lock of settlement.locks) locks.add(lock);
        if (isEffect) effects++;
        parts += ownParts;
        size += ownSize;
      } else {
        hasMore ||= isFree && !settlement.locks.some((lock) => locks.has(lock));
        left.push(submission);
        for (const lock of settlement.locks) held.add(lock);
      }
    }
    this.#waiting = left;
    this.#locks = held;
    return { submissions: taken, locks, hasMore };
  }
}

function partsOf(settlement: Settlement): number {
  return settlement.kind === "acked" ? settlement.outputs.length + settlement.changes.length : 0;
}

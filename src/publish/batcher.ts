/** Gathers publishes of one partition into batches: what is published in one tick travels together. */

import { PublishError } from "../model/errors.ts";
import type { Appended, Appender, NewEntry } from "../ports/append.ts";

/** Most entries in one append. */
const maxBatchEntries = 128;
/** Most bytes in one append, so that a batch of large payloads does not hold the server up. */
const maxBatchBytes = 1_048_576;
/** Batches on the wire at once: enough to keep Redis busy while replies travel. Fewer than the numbers it remembers. */
const maxInFlight = 8;

/** How much may wait while Redis is slow or away. */
export interface BatcherLimits {
  readonly maxPending: number;
  readonly maxPendingBytes: number;
  /** How long an entry may wait, ms, from its publish to its acknowledgement. */
  readonly publishTimeoutMs: number;
}

/** Entries that are appended together: one, or a publishAll's. Told once what became of them, one or the other. */
export interface Group {
  readonly count: number;
  /** Asked for when they are sent. */
  readonly entries: readonly NewEntry[];
  /** An estimate of bytes. */
  readonly size: number;
  readonly atomic: boolean;
  /** On the monotonic clock, ms. The batcher's. */
  expiresAt: number;
  /** `first` is the place of the first of the entries among the results. */
  done(results: readonly Appended[], first: number): void;
  /** @param error a `PublishError` */
  failed(error: unknown): void;
}

export class Batcher {
  readonly #appender: Appender;
  readonly #partition: number;
  readonly #limits: BatcherLimits;
  #queue: Group[] = [];
  #pending = 0;
  #pendingBytes = 0;
  #inFlight = 0;
  /** Set while a flush is due at the end of the tick. */
  #flushDue = false;
  /** When one was added last for which the clock was looked at: doing so for each would cost more than adding it. */
  #addedAt = 0;
  /** Runs while something waits: expires the head of the queue. */
  #expiry: NodeJS.Timeout | undefined;
  /** Called when nothing is pending any more; set while `flushed` waits. */
  #whenEmpty: (() => void)[] = [];

  constructor(appender: Appender, partition: number, limits: BatcherLimits) {
    this.#appender = appender;
    this.#partition = partition;
    this.#limits = limits;
  }

  add(group: Group): void {
    const { count, size } = group;
    if (this.#pending + count > this.#limits.maxPending || this.#pendingBytes + size > this.#limits.maxPendingBytes) {
      group.failed(
        new PublishError(
          "rejected",
          `${this.#pending} publishes (${this.#pendingBytes} bytes) are waiting for Redis already; nothing was sent. ` +
            "Publish more slowly, or raise maxPending and maxPendingBytes",
        ),
      );
      return;
    }
    // A tick may be long: each batch of it has its own time.
    if (!this.#flushDue || this.#queue.length % maxBatchEntries === 0) this.#addedAt = performance.now();
    group.expiresAt = this.#addedAt + this.#limits.publishTimeoutMs;
    this.#queue.push(group);
    this.#pending += count;
    this.#pendingBytes += size;
    // A full batch leaves at once, so that Redis works on it while the rest of a large tick is still being validated.
    if (this.#queue.length >= maxBatchEntries && this.#inFlight < maxInFlight) this.#send(this.#nextBatch());
    if (this.#flushDue) return;
    this.#flushDue = true;
    process.nextTick(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  /** Resolves when everything that was added has been answered. */
  flushed(): Promise<void> {
    return this.#pending === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  #flush(): void {
    while (this.#inFlight < maxInFlight && this.#queue.length > 0) this.#send(this.#nextBatch());
    if (this.#queue.length > 0) this.#watchHead();
  }

  #nextBatch(): readonly Group[] {
    const first = this.#queue[0] as Group;
    let groups = 1;
    if (!first.atomic) {
      let bytes = first.size;
      while (groups < maxBatchEntries) {
        const next = this.#queue[groups];
        if (next === undefined || next.atomic) break;
        bytes += next.size;
        if (bytes > maxBatchBytes) break;
        groups++;
      }
    }
    return this.#queue.splice(0, groups);
  }

  #send(groups: readonly Group[]): void {
    const first = groups[0] as Group;
    const entries = groups.length === 1 ? first.entries : entriesOf(groups);
    const deadlineMs = Math.max(1, first.expiresAt - performance.now());
    this.#inFlight++;
    this.#appender.append(this.#partition, entries, first.atomic, deadlineMs).then(
      (results) => {
        this.#inFlight--;
        let at = 0;
        for (const group of groups) {
          this.#leave(group);
          group.done(results, at);
          at += group.count;
        }
        this.#flush();
      },
      (error: unknown) => {
        this.#inFlight--;
        for (const group of groups) {
          this.#leave(group);
          group.failed(error);
        }
        this.#flush();
      },
    );
  }

  // All wait equally long, so the head of the queue is always the first to expire.
  #watchHead(): void {
    if (this.#expiry !== undefined) return;
    const head = this.#queue[0] as Group;
    this.#expiry = setTimeout(
      () => {
        this.#expiry = undefined;
        const now = performance.now();
        while (this.#queue.length > 0 && (this.#queue[0] as Group).expiresAt <= now) {
          const group = this.#queue.shift() as Group;
          this.#leave(group);
          group.failed(new PublishError("rejected", "Redis did not become available in time: nothing was sent"));
        }
        if (this.#queue.length > 0) this.#watchHead();
      },
      Math.max(1, head.expiresAt - performance.now()),
    );
  }

  #leave(group: Group): void {
    this.#pending -= group.count;
    this.#pendingBytes -= group.size;
    if (this.#pending > 0) return;
    clearTimeout(this.#expiry);
    this.#expiry = undefined;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }
}

function entriesOf(groups: readonly Group[]): readonly NewEntry[] {
  const all: NewEntry[] = [];
  for (const { entries } of groups) for (const entry of entries) all.push(entry);
  return all;
}

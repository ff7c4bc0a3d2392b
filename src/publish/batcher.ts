/** Gathers publishes of one partition into batches: publishes of one turn of the event loop are sent together. */

import { maxBatchBytes, maxBatchEntries, maxBatchesInFlight } from "../model/append-limits.ts";
import { PublishError } from "../model/errors.ts";
import type { Appended, Appender, NewEntry } from "../ports/append.ts";

/** Limits on what may wait while Redis is slow or away. */
export interface BatcherLimits {
  readonly maxPending: number;
  readonly maxPendingBytes: number;
  /** Longest time from an entry's publish to its acknowledgement, ms. */
  readonly publishTimeoutMs: number;
}

/** Entries that are appended together: one, or those of a `publishAll`. Exactly one of `done` and `failed` is called, once. */
export interface Group {
  readonly count: number;
  /** The entries, encoded when the batch is sent. */
  readonly entries: readonly NewEntry[];
  /** Estimated size, bytes. */
  readonly size: number;
  readonly atomic: boolean;
  /** Deadline on the monotonic clock, ms. Set by the batcher. */
  expiresAt: number;
  /** `first` is the index of the group's first entry among the results. */
  done(results: readonly Appended[], first: number): void;
  /** @param error a `PublishError` */
  failed(error: unknown): void;
}

/** Queues groups of entries, sends them in batches, and rejects what waits too long. */
export class Batcher {
  readonly #appender: Appender;
  readonly #partition: number;
  readonly #limits: BatcherLimits;
  #queue: Group[] = [];
  #pending = 0;
  #pendingBytes = 0;
  #inFlight = 0;
  /** Set while a flush is due at the end of the turn. */
  #flushDue = false;
  /** Time of the last clock reading, ms: reading the clock for every entry would cost more than adding it. */
  #addedAt = 0;
  /** Runs while entries wait: expires the head of the queue. */
  #expiry: NodeJS.Timeout | undefined;
  /** Callbacks of waiting `flushed` calls, called when nothing is pending any more. */
  #whenEmpty: (() => void)[] = [];
  /** Why the last batch failed, where Redis was away; undefined since one was answered. */
  #awayBecause: Error | undefined;

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
    // A turn may be long, so the clock is read again for each batch of it.
    if (!this.#flushDue || this.#queue.length % maxBatchEntries === 0) this.#addedAt = performance.now();
    group.expiresAt = this.#addedAt + this.#limits.publishTimeoutMs;
    this.#queue.push(group);
    this.#pending += count;
    this.#pendingBytes += size;
    // A full batch is sent at once, so that Redis works on it while the rest of a long turn is still being validated.
    if (this.#queue.length >= maxBatchEntries && this.#inFlight < maxBatchesInFlight) this.#send(this.#nextBatch());
    if (this.#flushDue) return;
    this.#flushDue = true;
    // Not at the end of the tick: on a cluster the replies of one turn come from several sockets, each in a tick of its own, and what is
    // published after each of them would be a small batch.
    setImmediate(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  /** Resolves when Redis has answered for everything that was added. */
  flushed(): Promise<void> {
    return this.#pending === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  #flush(): void {
    while (this.#inFlight < maxBatchesInFlight && this.#queue.length > 0) this.#send(this.#nextBatch());
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
        this.#awayBecause = undefined;
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
        this.#awayBecause = error instanceof PublishError && error.cause instanceof Error ? error.cause : undefined;
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
          group.failed(this.#tooLate());
        }
        if (this.#queue.length > 0) this.#watchHead();
      },
      Math.max(1, head.expiresAt - performance.now()),
    );
  }

  #tooLate(): PublishError {
    const cause = this.#awayBecause;
    const reason = cause === undefined ? "" : ` (${cause.message || String((cause as NodeJS.ErrnoException).code)})`;
    return new PublishError("rejected", `Redis did not become available in time${reason}: nothing was sent`, { cause });
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

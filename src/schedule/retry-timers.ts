/**
 * Times retries with BullMQ: a delayed job for each parked delivery, which carries only the delivery's place in the
 * log.
 */

import { Queue, Worker } from "bullmq";
import type { DeliveryId } from "../ports/delivery.ts";
import type { RetryTimers } from "../ports/timers.ts";
import { type BullOptions, closeTimeoutMs, cutAfter, settingsOf } from "./bull-parts.ts";

interface Timer {
  readonly partition: number;
  readonly channel: string;
  readonly entryId: string;
  /** Absent in timers of earlier versions, and where nothing is traced. */
  readonly triedBy?: string;
}

export interface BullRetryTimersOptions extends BullOptions {
  readonly component: string;
}

/** The retry timers of a component: one queue, and any of its members takes any timer. */
export class BullRetryTimers implements RetryTimers {
  readonly #options: BullRetryTimersOptions;
  readonly #name: string;
  /** Opened at the first retry: most components never need it. */
  #queue: Queue<Timer> | undefined;
  #worker: Worker<Timer> | undefined;
  #errorLogged = false;

  constructor(options: BullRetryTimersOptions) {
    this.#options = options;
    this.#name = `retry-${options.component}`;
  }

  async schedule(
    partition: number,
    { channel, entryId }: DeliveryId,
    attempt: number,
    delayMs: number,
    triedBy: string,
  ): Promise<void> {
    this.#queue ??= this.#openQueue();
    await this.#queue.add(
      "retry",
      triedBy === "" ? { partition, channel, entryId } : { partition, channel, entryId, triedBy },
      {
        // A delivery's attempt has one timer, however often it is set. BullMQ's ids may not contain a colon.
        jobId: `${partition}_${channel}_${entryId}_${attempt}`,
        delay: delayMs,
        removeOnComplete: true,
        removeOnFail: true,
      },
    );
  }

  async listen(wake: (partition: number, delivery: DeliveryId, triedBy: string) => Promise<void>): Promise<void> {
    this.#worker = new Worker<Timer>(
      this.#name,
      async ({ data: { partition, channel, entryId, triedBy = "" } }) => wake(partition, { channel, entryId }, triedBy),
      { ...settingsOf(this.#options), concurrency: 8 },
    );
    this.#worker.on("error", (error) => this.#logOnce(error));
    this.#worker.on("ready", () => {
      this.#errorLogged = false;
    });
  }

  async close(): Promise<void> {
    const [worker, queue] = [this.#worker, this.#queue];
    await Promise.all([
      worker && cutAfter(worker, worker.close(true), closeTimeoutMs),
      queue && cutAfter(queue, queue.close(), closeTimeoutMs),
    ]);
  }

  #openQueue(): Queue<Timer> {
    const queue = new Queue<Timer>(this.#name, settingsOf(this.#options));
    queue.on("error", (error) => this.#logOnce(error));
    return queue;
  }

  // BullMQ reconnects by itself and reports each failure. The first report is enough: the sweep finds what is due
  // meanwhile.
  #logOnce(error: Error): void {
    if (this.#errorLogged) return;
    this.#errorLogged = true;
    const { log, component } = this.#options;
    log.warn(
      { component, reason: error.message },
      "retry timers are not available; due retries are found by the sweep",
    );
  }
}

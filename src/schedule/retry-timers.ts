/**
 * Times retries with BullMQ: a delayed job for each parked delivery, which carries only the delivery's place in the
 * log.
 */

import { type ConnectionOptions, Queue, type Telemetry, Worker } from "bullmq";
import type { Log } from "../ports/log.ts";
import type { DeliveryId } from "../ports/store.ts";
import type { RetryTimers } from "../ports/timers.ts";

/** Longest wait for BullMQ at close before its connections are cut, ms. */
const closeTimeoutMs = 2_000;

interface Timer {
  readonly partition: number;
  readonly channel: string;
  readonly entryId: string;
}

export interface BullRetryTimersOptions {
  readonly component: string;
  readonly connection: ConnectionOptions;
  readonly prefix: string;
  readonly log: Log;
  readonly telemetry: Telemetry | undefined;
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

  async schedule(partition: number, { channel, entryId }: DeliveryId, attempt: number, delayMs: number): Promise<void> {
    this.#queue ??= this.#openQueue();
    await this.#queue.add(
      "retry",
      { partition, channel, entryId },
      {
        // A delivery's attempt has one timer, however often it is set. BullMQ's ids may not contain a colon.
        jobId: `${partition}_${channel}_${entryId}_${attempt}`,
        delay: delayMs,
        removeOnComplete: true,
        removeOnFail: true,
      },
    );
  }

  async listen(wake: (partition: number, delivery: DeliveryId) => Promise<void>): Promise<void> {
    const { connection, prefix, telemetry } = this.#options;
    this.#worker = new Worker<Timer>(
      this.#name,
      async ({ data: { partition, channel, entryId } }) => wake(partition, { channel, entryId }),
      { connection, prefix, concurrency: 8, ...(telemetry === undefined ? {} : { telemetry }) },
    );
    this.#worker.on("error", (error) => this.#logOnce(error));
    this.#worker.on("ready", () => {
      this.#errorLogged = false;
    });
  }

  async close(): Promise<void> {
    const closing = Promise.allSettled([this.#worker?.close(true), this.#queue?.close()]);
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, closeTimeoutMs);
    await Promise.race([closing, timeout.promise]);
    clearTimeout(timer);
    // Not awaited: while Redis is away these wait for a connection that may never come.
    this.#worker?.disconnect().catch(() => undefined);
    this.#queue?.disconnect().catch(() => undefined);
  }

  #openQueue(): Queue<Timer> {
    const { connection, prefix, telemetry } = this.#options;
    const queue = new Queue<Timer>(this.#name, {
      connection,
      prefix,
      ...(telemetry === undefined ? {} : { telemetry }),
    });
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

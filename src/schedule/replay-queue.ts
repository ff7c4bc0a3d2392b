/** BullMQ as the hand that long replays are left to: one job a run, that carries nothing but the run's id. */

import { type ConnectionOptions, Queue, type Telemetry, WaitingError, Worker } from "bullmq";
import type { Log } from "../ports.ts";

const queueName = "replay";
/** How long closing waits for BullMQ before its connections are cut, ms. */
const closeTimeoutMs = 2_000;
/** How long it waits for a run that ends, ms: that one waits for a Redis that is away. */
const handBackTimeoutMs = 8_000;
/** A worker that has not renewed its hold on a run for so long, ms, is taken for dead, and another one takes it. */
const lockMs = 5_000;
/** How often it is looked whether one is dead, ms. */
const lookEveryMs = 2_000;
/** Times that a worker may die over one run. A worker that comes back late is fenced by the run itself. */
const maxDeaths = 1_000;
/** Times that a run is tried while Redis refuses or is away. */
const maxTries = 20;

interface Queued {
  readonly run: string;
}

export interface BullOptions {
  readonly connection: ConnectionOptions;
  readonly prefix: string;
  readonly log: Log;
  readonly telemetry: Telemetry | undefined;
}

export class ReplayQueue {
  readonly #queue: Queue<Queued>;

  constructor({ connection, prefix, log, telemetry }: BullOptions) {
    this.#queue = new Queue<Queued>(queueName, {
      connection,
      prefix,
      ...(telemetry === undefined ? {} : { telemetry }),
    });
    this.#queue.on("error", (error) => log.warn({ reason: error.message }, "the queue of replays is not available"));
  }

  /** A run is queued once, however often it is added. */
  async add(run: string): Promise<void> {
    await this.#queue.add(
      "replay",
      { run },
      {
        jobId: run,
        attempts: maxTries,
        backoff: { type: "exponential", delay: 500 },
        removeOnComplete: true,
        removeOnFail: true,
      },
    );
  }

  /** Takes a run out that waits. One that a worker is at stays: it ends by itself. */
  async remove(run: string): Promise<void> {
    const waiting = await this.#queue.getJob(run);
    await waiting?.remove().catch(() => undefined); // held by its worker
  }

  async close(): Promise<void> {
    await closed(this.#queue, closeTimeoutMs);
  }
}

export interface ReplayWorkerOptions extends BullOptions {
  /** Ends the worker. */
  readonly signal: AbortSignal;
  /** `again`: it was interrupted, and goes back to the queue. What is thrown is tried again later. */
  readonly perform: (run: string) => Promise<"done" | "again">;
}

/** Takes one run at a time. */
export class ReplayWorker implements AsyncDisposable {
  readonly #worker: Worker<Queued>;
  readonly #signal: AbortSignal;

  constructor({ connection, prefix, log, telemetry, signal, perform }: ReplayWorkerOptions) {
    this.#signal = signal;
    this.#worker = new Worker<Queued>(
      queueName,
      async (job, token) => {
        if ((await perform(job.data.run)) === "done") return;
        await job.moveToWait(token);
        throw new WaitingError();
      },
      {
        connection,
        prefix,
        concurrency: 1,
        lockDuration: lockMs,
        stalledInterval: lookEveryMs,
        maxStalledCount: maxDeaths,
        ...(telemetry === undefined ? {} : { telemetry }),
      },
    );
    let warned = false;
    this.#worker.on("ready", () => {
      warned = false;
    });
    // BullMQ reconnects by itself and reports each failure; one line is enough.
    this.#worker.on("error", (error) => {
      if (!warned) log.warn({ reason: error.message }, "queued replays are not available; trying again");
      warned = true;
    });
  }

  /** Resolves when the signal aborts. */
  ended(): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** Waits for the run that it is at, which the same signal has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await closed(this.#worker, handBackTimeoutMs);
  }
}

async function closed(part: Queue<Queued> | Worker<Queued>, timeoutMs: number): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, timeoutMs);
  await Promise.race([part.close().catch(() => undefined), timeout.promise]);
  clearTimeout(timer);
  // Not awaited: with Redis away it waits for a connection that may never come.
  part.disconnect().catch(() => undefined);
}

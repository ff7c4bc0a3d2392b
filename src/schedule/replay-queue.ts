/** Hands replays to background workers over BullMQ: one job for each run, which carries only the run's id. */

import { Queue, WaitingError, Worker } from "bullmq";
import { messageOf } from "../model/error-message.ts";
import { StoreError } from "../model/errors.ts";
import { whenAborted } from "../model/waits.ts";
import type { RunQueue } from "../ports/replay-runs.ts";
import { type BullOptions, closeTimeoutMs, cutAfter, settingsOf } from "./bull-parts.ts";

const queueName = "replay";
/** Longest wait at close for a run that is ending, ms: the run may be waiting for a Redis that is away. */
const handBackTimeoutMs = 8_000;
/**
 * Time after which a worker that has not renewed its hold on a run is taken for dead, and another takes the run, ms.
 */
const lockMs = 5_000;
/** Interval at which dead workers are looked for, ms. */
const lookEveryMs = 2_000;
/** Most workers that may die over one run. A worker that comes back late is fenced by the run itself. */
const maxDeaths = 1_000;
/** Most attempts at a run while Redis refuses or is away. */
const maxTries = 20;

interface Queued {
  readonly run: string;
}

export class BullRunQueue implements RunQueue, AsyncDisposable {
  readonly #options: BullOptions;
  /** Opened for the first run that is added or removed. */
  #queue: Queue<Queued> | undefined;

  constructor(options: BullOptions) {
    this.#options = options;
  }

  async add(run: string): Promise<void> {
    const options = {
      jobId: run,
      attempts: maxTries,
      backoff: { type: "exponential", delay: 500 },
      removeOnComplete: true,
      removeOnFail: true,
    };
    try {
      await this.#opened().add("replay", { run }, options);
    } catch (cause) {
      const reason = messageOf(cause);
      throw new StoreError(`run ${run} cannot be queued: ${reason}`, { cause });
    }
  }

  async remove(run: string): Promise<void> {
    try {
      const waiting = await this.#opened().getJob(run);
      await waiting?.remove().catch(() => undefined); // its worker holds it
    } catch (error) {
      const reason = messageOf(error);
      this.#options.log.warn({ reason, run }, "the run may still wait in the queue, from which no worker performs it");
    }
  }

  async work(signal: AbortSignal, perform: (run: string) => Promise<"done" | "again">): Promise<void> {
    const { log, ...options } = this.#options;
    const worker = new Worker<Queued>(
      queueName,
      async (job, token) => {
        if ((await perform(job.data.run)) === "done") return;
        await job.moveToWait(token);
        throw new WaitingError();
      },
      {
        ...settingsOf(options),
        concurrency: 1,
        lockDuration: lockMs,
        stalledInterval: lookEveryMs,
        maxStalledCount: maxDeaths,
      },
    );
    let warned = false;
    worker.on("ready", () => {
      warned = false;
    });
    // BullMQ reconnects by itself and reports each failure: the first report is enough.
    worker.on("error", (error) => {
      if (!warned) log.warn({ reason: error.message }, "queued replays are not available; trying again");
      warned = true;
    });
    await whenAborted(signal);
    await cutAfter(worker, worker.close(), handBackTimeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#queue !== undefined) await cutAfter(this.#queue, this.#queue.close(), closeTimeoutMs);
  }

  #opened(): Queue<Queued> {
    if (this.#queue === undefined) {
      const { log, ...options } = this.#options;
      this.#queue = new Queue<Queued>(queueName, settingsOf(options));
      this.#queue.on("error", (error) => log.warn({ reason: error.message }, "the queue of replays is not available"));
    }
    return this.#queue;
  }
}

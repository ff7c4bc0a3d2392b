/** BullMQ as the clock of maintenance: one scheduled job a namespace, run once a period by whichever process takes it. */

import { type ConnectionOptions, Queue, Worker } from "bullmq";
import type { Log } from "../ports/log.ts";

const queueName = "maintenance";
const schedulerId = "maintenance";
/** How long closing waits for BullMQ before its connections are cut, ms. */
const closeTimeoutMs = 2_000;
/** Periods between looks whether the schedule is still there: a FLUSHALL takes it away. */
const periodsPerLook = 12;

export interface BullMaintenanceOptions {
  readonly connection: ConnectionOptions;
  readonly prefix: string;
  readonly everyMs: number;
  readonly log: Log;
  /** One round. What it throws is logged; the next round comes all the same. */
  readonly run: () => Promise<void>;
}

export class BullMaintenance {
  readonly #options: BullMaintenanceOptions;
  readonly #queue: Queue;
  readonly #worker: Worker;
  readonly #look: NodeJS.Timeout;
  #errorLogged = false;

  /** Begins to take part. */
  constructor(options: BullMaintenanceOptions) {
    this.#options = options;
    const { connection, prefix, everyMs } = options;
    this.#queue = new Queue(queueName, { connection, prefix });
    this.#worker = new Worker(queueName, () => this.#run(), { connection, prefix, concurrency: 1 });
    this.#queue.on("error", (error) => this.#logOnce(error));
    this.#worker.on("error", (error) => this.#logOnce(error));
    this.#worker.on("ready", () => {
      this.#errorLogged = false;
    });
    this.#look = setInterval(() => this.#schedule(), everyMs * periodsPerLook);
    this.#look.unref();
    this.#schedule();
  }

  async close(): Promise<void> {
    clearInterval(this.#look);
    const closing = Promise.allSettled([this.#worker.close(), this.#queue.close()]);
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, closeTimeoutMs);
    await Promise.race([closing, timeout.promise]);
    clearTimeout(timer);
    // Not awaited: with Redis away these wait for a connection that may never come.
    this.#worker.disconnect().catch(() => undefined);
    this.#queue.disconnect().catch(() => undefined);
  }

  #schedule(): void {
    this.#ensureSchedule().catch((error: Error) => this.#logOnce(error));
  }

  // Setting a schedule that is there would begin it anew: with many processes that start, it would never come to its end.
  async #ensureSchedule(): Promise<void> {
    const { everyMs } = this.#options;
    const scheduled = await this.#queue.getJobScheduler(schedulerId);
    if (scheduled?.every === everyMs) return;
    const opts = { removeOnComplete: true, removeOnFail: true };
    await this.#queue.upsertJobScheduler(schedulerId, { every: everyMs }, { name: "round", opts });
  }

  async #run(): Promise<void> {
    try {
      await this.#options.run();
    } catch (error) {
      this.#options.log.warn({ reason: String(error) }, "a round of maintenance failed; the next one goes on");
    }
  }

  // BullMQ reconnects by itself and reports each failure; one line is enough.
  #logOnce(error: Error): void {
    if (this.#errorLogged) return;
    this.#errorLogged = true;
    this.#options.log.warn({ reason: error.message }, "maintenance is not available; nothing is trimmed meanwhile");
  }
}

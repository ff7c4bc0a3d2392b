/** BullMQ as its users run it: bulk adds, a worker with 100 jobs at once, finished jobs removed. */

import { Queue, type Telemetry, Worker } from "bullmq";
import { BullMQOtel } from "bullmq-otel";
import { Redis } from "ioredis";
import { each, inChunks } from "../bulk.ts";
import type { Backlog, Contender, Round, Sample } from "../contender.ts";
import { type Order, orderOf, routedOf } from "../order.ts";
import { openBullPipeline } from "./pipeline/bullmq.ts";
import { pipelineRound } from "./pipeline/hand-pipeline.ts";

const jobOptions = { removeOnComplete: true, removeOnFail: true };
const workerConcurrency = 100;

export const contender: Contender = contenderWith(() => ({}));
export const tracedContender: Contender = contenderWith(() => ({ telemetry: new BullMQOtel({ tracerName: "bench" }) }));

function contenderWith(telemetry: () => { telemetry?: Telemetry }): Contender {
  const open = (name: string, url: string): { queue: Queue<Order>; connection: Redis } => {
    const connection = new Redis(url, { maxRetriesPerRequest: null });
    return { queue: new Queue<Order>(name, { connection, defaultJobOptions: jobOptions, ...telemetry() }), connection };
  };

  const publish = async (queue: Queue<Order>, count: number): Promise<void> => {
    await inChunks(count, async (first, end) => {
      const jobs: { name: string; data: Order }[] = [];
      for (let i = first; i < end; i++) jobs.push({ name: "order", data: orderOf(i) });
      await queue.addBulk(jobs);
    });
  };

  const work = async ({ url, count, meter }: Round, handle: (order: Order) => Promise<unknown>): Promise<Sample> => {
    const blocking = new Redis(url, { maxRetriesPerRequest: null });
    await meter.ready();
    const worker = new Worker<Order>(
      "orders",
      async ({ data }) => {
        meter.begin();
        await handle(data);
      },
      { connection: blocking, concurrency: workerConcurrency, autorun: false, ...telemetry() },
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    let completed = 0;
    worker.on("completed", () => {
      if (++completed === count) resolve();
    });
    worker.run().catch(() => undefined); // closed below
    await promise;
    const sample = await meter.end(count);
    await worker.close();
    blocking.disconnect();
    return sample;
  };

  const publishing =
    (act: (queue: Queue<Order>, round: Round) => Promise<void>) =>
    async (round: Round): Promise<Sample> => {
      const { queue, connection } = open("orders", round.url);
      await queue.waitUntilReady();
      await round.meter.ready();
      round.meter.begin();
      await act(queue, round);
      const sample = await round.meter.end(round.count);
      await queue.close();
      connection.disconnect();
      return sample;
    };

  /** Adds the backlog from this process, which has no SDK: its jobs have no trace. */
  const backlog = async ({ url, count }: Backlog): Promise<void> => {
    const { queue, connection } = open("orders", url);
    await publish(queue, count);
    await queue.close();
    connection.disconnect();
  };

  const works: Contender["works"] = {
    publish: publishing((queue, { count }) => publish(queue, count)),

    publishEach: publishing((queue, { count, shape }) =>
      each(count, shape.atOnce ?? 1, (i) => queue.add("order", orderOf(i))),
    ),

    consume: (round) => work(round, async (order) => order.quantity),

    transform: async (round) => {
      const { queue, connection } = open("routed", round.url);
      const sample = await work(round, (order) => queue.add("order", routedOf(order)));
      await queue.close();
      connection.disconnect();
      return sample;
    },

    pipeline: pipelineRound((url, venue) => openBullPipeline(url, venue, telemetry())),
  };
  return { works, backlog };
}

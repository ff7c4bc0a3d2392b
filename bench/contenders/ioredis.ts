/** Bare ioredis, written as well as one can by hand. */

import { Redis } from "ioredis";
import { each, inChunks } from "../bulk.ts";
import type { Contender, Round, Sample } from "../contender.ts";
import { entryBytes } from "../entry-bytes.ts";
import { fill } from "../fill.ts";
import { measureLatency } from "../latency.ts";
import { numberOf, type Order, orderOf, routedOf, traceparent } from "../order.ts";
import {
  backlog,
  fieldsOf,
  group,
  perRead,
  perScript,
  routed,
  state,
  stream,
  sumsOf,
  transformScript,
  transformSha,
} from "./bare.ts";

import { openBarePipeline } from "./pipeline/bare.ts";
import { pipelineRound } from "./pipeline/hand-pipeline.ts";

type Entry = [id: string, fields: string[]];
type Reply = [stream: string, entries: Entry[]][] | null;

function connect(url: string): Redis {
  return new Redis(url, { protocol: 2 });
}

/** Reads entries while earlier ones are handled, until `handle` has had `count` of them. */
async function readAll(client: Redis, count: number, handle: (entries: Entry[]) => void): Promise<void> {
  const read = (): Promise<Reply> =>
    client.xreadgroup("GROUP", group, "m", "COUNT", perRead, "BLOCK", 1_000, "STREAMS", stream, ">") as Promise<Reply>;
  let next = read();
  for (let seen = 0; seen < count; ) {
    const entries = (await next)?.[0]?.[1] ?? [];
    seen += entries.length;
    if (seen < count) next = read();
    handle(entries);
  }
}

/**
 * Consumes with a reader and a writer, from a group at the beginning of the stream. The sample is taken when everything
 * that `handle` returns is done.
 */
async function consumeAll(
  { url, count, meter }: Round,
  handle: (entries: Entry[], writer: Redis) => Promise<unknown>,
): Promise<Sample> {
  const [reader, writer] = [connect(url), connect(url)];
  await writer.xgroup("CREATE", stream, group, "0", "MKSTREAM");
  await writer.script("LOAD", transformScript);
  await reader.ping();
  await meter.ready();
  const settled: Promise<unknown>[] = [];
  await readAll(reader, count, (entries) => {
    meter.begin();
    settled.push(handle(entries, writer));
  });
  await Promise.all(settled);
  const sample = await meter.end(count);
  await Promise.all([reader.quit(), writer.quit()]);
  return sample;
}

async function consume(round: Round): Promise<Sample> {
  let quantity = 0;
  const sample = await consumeAll(round, (entries, writer) => {
    const ids: string[] = [];
    for (const [id, fields] of entries) {
      quantity += (JSON.parse(fields[1] as string) as Order).quantity;
      ids.push(id);
    }
    return writer.xack(stream, group, ...ids);
  });
  if (quantity === 0) throw new Error("nothing was handled");
  return sample;
}

const works: Contender["works"] = {
  publish: async ({ url, count, shape, meter }) => {
    const client = connect(url);
    await client.ping();
    await meter.ready();
    meter.begin();
    await inChunks(count, async (first, end) => {
      const pipeline = client.pipeline();
      for (let i = first; i < end; i++) pipeline.xadd(stream, "*", ...fieldsOf(i, shape));
      await pipeline.exec();
    });
    const sample = await meter.end(count);
    await client.quit();
    return sample;
  },

  publishEach: async ({ url, count, shape, meter }) => {
    const client = connect(url);
    await client.ping();
    await meter.ready();
    meter.begin();
    await each(count, shape.atOnce ?? 1, (i) => client.xadd(stream, "*", ...fieldsOf(i, shape)));
    const sample = await meter.end(count);
    await client.quit();
    return sample;
  },

  consume,
  // Every read is a batch already.
  batch: consume,

  transform: (round) =>
    consumeAll(round, (entries, writer) => {
      const settled: Promise<unknown>[] = [];
      for (let first = 0; first < entries.length; first += perScript) {
        const args: string[] = [];
        for (const [id, fields] of entries.slice(first, first + perScript)) {
          const output = routedOf(JSON.parse(fields[1] as string) as Order);
          args.push(id, JSON.stringify(output), fields[3] as string, fields[5] as string);
        }
        settled.push(writer.evalsha(transformSha, 2, stream, routed, group, ...args));
      }
      return Promise.all(settled);
    }),

  pipeline: pipelineRound(openBarePipeline),
  state: (round) => {
    const sums = new Map<string, number>();
    return consumeAll(round, (entries, writer) => {
      const orders = entries.map(([, fields]) => JSON.parse(fields[1] as string) as Order);
      return writer
        .multi()
        .hset(state, sumsOf(sums, orders))
        .xack(stream, group, ...entries.map(([id]) => id))
        .exec();
    });
  },

  latency: async (round) => {
    const [reader, writer] = [connect(round.url), connect(round.url)];
    await writer.xgroup("CREATE", stream, group, "0", "MKSTREAM");
    await reader.ping();
    const sample = await measureLatency("ioredis", round, (arrived) =>
      readAll(reader, round.count, (entries) => {
        for (const [, fields] of entries) arrived(numberOf(JSON.parse(fields[1] as string) as Order));
        writer.xack(stream, group, ...entries.map(([id]) => id)).catch(() => undefined); // nobody waits for it
      }),
    );
    await Promise.all([reader.quit(), writer.quit()]);
    return sample;
  },

  /** The entry has the two trace fields, which tracing needs. */
  entryBytes: (round) =>
    entryBytes(round, stream, async (client) => {
      const fields = (i: number): string[] => ["payload", JSON.stringify(orderOf(i)), "traceparent", traceparent];
      await fill(client, stream, round.count, fields);
    }),
};

export const contender: Contender = {
  works,
  backlog,
  publisher: async (url) => {
    const client = connect(url);
    await client.ping();
    return {
      publish: (i) => client.xadd(stream, "*", ...fieldsOf(i, {})),
      close: async () => void (await client.quit()),
    };
  },
};

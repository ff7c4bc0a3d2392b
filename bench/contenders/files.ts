/**
 * Records a channel to a file and imports one, beside bare ioredis that reads or appends the same entries without a
 * file.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { connectBackbone } from "../../src/index.ts";
import { encodeEntry, wireEntry } from "../../src/model/envelope.ts";
import { newEventId } from "../../src/model/event-id.ts";
import { Keys } from "../../src/redis/keys.ts";
import { RecordingWriter } from "../../src/replay/recording/recording-writer.ts";
import { importRecording, openRecording, record } from "../../src/replay.ts";
import { inChunks } from "../bulk.ts";
import type { Contender, Sample } from "../contender.ts";
import { fill } from "../fill.ts";
import { baggageOf, orderOf, orders, traceparent } from "../order.ts";

const namespace = "bench";
const log = { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error };
const stream = new Keys(namespace).stream(0, orders.name);
const pageSize = 500;
const memoryEveryMs = 20;

function fieldsOf(i: number): string[] {
  const order = orderOf(i);
  const carrier = { traceparent, tracestate: "", baggage: baggageOf(order) };
  const values = encodeEntry(newEventId(), 1_700_000_000_000 + i, order.symbol, JSON.stringify(order), carrier, []);
  return wireEntry(values);
}

async function backlog({ url, count }: { readonly url: string; readonly count: number }): Promise<void> {
  const client = new Redis(url);
  await fill(client, stream, count, fieldsOf);
  await client.quit();
}

/** Adds the growth of memory during the run to the sample, MB. */
async function watchingMemory(run: () => Promise<Sample>): Promise<Sample> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, memoryEveryMs);
  try {
    return { ...(await run()), grownMb: (most - before) / 1e6 };
  } finally {
    clearInterval(timer);
  }
}

export async function inDirectory<T>(run: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "throughline-bench-"));
  try {
    return await run(join(directory, "recording.ndjson"));
  } finally {
    await rm(directory, { recursive: true });
  }
}

export const contender: Contender = {
  backlog,
  works: {
    record: ({ url, count, meter }) =>
      inDirectory(async (path) => {
        await using backbone = await connectBackbone({ url, namespace, log });
        await meter.ready();
        return await watchingMemory(async () => {
          meter.begin();
          const { entries } = await record(backbone, [orders], path);
          if (entries !== count) throw new Error(`${entries} of ${count} entries were recorded`);
          return meter.end(count);
        });
      }),

    // The check of the whole file beforehand counts.
    import: ({ url, count, meter }) =>
      inDirectory(async (path) => {
        await writeRecording(path, count);
        await using backbone = await connectBackbone({ url, namespace, log });
        await meter.ready();
        return await watchingMemory(async () => {
          meter.begin();
          const { entries } = await importRecording(backbone, await openRecording(path), { speed: "max" });
          if (entries !== count) throw new Error(`${entries} of ${count} entries were imported`);
          return meter.end(count);
        });
      }),
  },
};

export async function writeRecording(path: string, count: number): Promise<void> {
  const to = `${1_700_000_000_000 + count}-0`;
  const channels = [orders.name];
  const header = { namespace, partitions: 1, channels, components: [], from: "-", to, where: [], recordedAt: 0 };
  const writer = await RecordingWriter.create(path, header);
  for (let i = 0; i < count; i++) {
    writer.addEntry(orders.name, 0, `${1_700_000_000_000 + i}-0`, { fields: fieldsOf(i) });
    if (writer.isFull) await writer.write();
  }
  await writer.close(true);
}

export const bareContender: Contender = {
  backlog,
  works: {
    record: async ({ url, count, meter }) => {
      const client = new Redis(url, { protocol: 2 });
      await client.ping();
      await meter.ready();
      const sample = await watchingMemory(async () => {
        meter.begin();
        let seen = 0;
        // The next page is under way while this one is read, as in a good reader.
        for (let next = client.xrange(stream, "-", "+", "COUNT", pageSize); ; ) {
          const page = await next;
          seen += page.length;
          const last = page.at(-1);
          if (last === undefined || page.length < pageSize) break;
          next = client.xrange(stream, `(${last[0]}`, "+", "COUNT", pageSize);
        }
        if (seen !== count) throw new Error(`${seen} of ${count} entries were read`);
        return meter.end(count);
      });
      await client.quit();
      return sample;
    },

    import: async ({ url, count, meter }) => {
      const client = new Redis(url, { protocol: 2 });
      await client.ping();
      await meter.ready();
      const sample = await watchingMemory(async () => {
        meter.begin();
        await inChunks(count, async (first, end) => {
          const pipeline = client.pipeline();
          for (let i = first; i < end; i++) pipeline.xadd(stream, "*", ...fieldsOf(i));
          await pipeline.exec();
        });
        return meter.end(count);
      });
      await client.quit();
      return sample;
    },
  },
};

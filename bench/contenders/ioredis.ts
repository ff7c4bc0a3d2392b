/** Bare ioredis, written as well as one can by hand: untraced, unfenced, nothing validated, no retries, no dead letters. */

import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { inChunks } from "../bulk.ts";
import type { Contender } from "../contender.ts";
import { fill } from "../fill.ts";
import { baggageOf, type Order, orderOf, routedOf, traceparent } from "../order.ts";

const stream = "orders";
const routed = "routed";
const group = "bare";

type Reply = [stream: string, entries: [id: string, fields: string[]][]][] | null;

/** One script for a batch: appends each output, then acknowledges all. */
const transformScript = `
local ids = {}
for i = 2, #ARGV, 4 do
  redis.call('XADD', KEYS[2], '*', 'payload', ARGV[i + 1], 'traceparent', ARGV[i + 2], 'baggage', ARGV[i + 3])
  ids[#ids + 1] = ARGV[i]
end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
`;
const transformSha = createHash("sha1").update(transformScript).digest("hex");
const perScript = 100;

function fieldsOf(i: number): string[] {
  const order = orderOf(i);
  return ["payload", JSON.stringify(order), "traceparent", traceparent, "baggage", baggageOf(order)];
}

function connect(url: string): Redis {
  return new Redis(url, { protocol: 2 });
}

/** Reads on while what was read is being handled. */
async function readAll(
  client: Redis,
  count: number,
  handle: (entries: [id: string, fields: string[]][]) => void,
): Promise<void> {
  const read = (): Promise<Reply> =>
    client.xreadgroup("GROUP", group, "m", "COUNT", 500, "BLOCK", 1_000, "STREAMS", stream, ">") as Promise<Reply>;
  let next = read();
  for (let seen = 0; seen < count; ) {
    const entries = (await next)?.[0]?.[1] ?? [];
    seen += entries.length;
    if (seen < count) next = read();
    handle(entries);
  }
}

async function backlog(url: string, count: number): Promise<void> {
  const client = connect(url);
  await fill(client, stream, count, fieldsOf);
  await client.quit();
}

const works: Contender["works"] = {
  publish: async ({ url, count, meter }) => {
    const client = connect(url);
    await client.ping();
    await meter.ready();
    meter.begin();
    await inChunks(count, async (first, end) => {
      const pipeline = client.pipeline();
      for (let i = first; i < end; i++) {
        const order = orderOf(i);
        const payload = JSON.stringify(order);
        pipeline.xadd(stream, "*", "payload", payload, "traceparent", traceparent, "baggage", baggageOf(order));
      }
      await pipeline.exec();
    });
    const sample = await meter.end(count);
    await client.quit();
    return sample;
  },

  consume: async ({ url, count, meter }) => {
    const [reader, writer] = [connect(url), connect(url)];
    await writer.xgroup("CREATE", stream, group, "0");
    await reader.ping();
    await meter.ready();
    const acknowledged: Promise<unknown>[] = [];
    let quantity = 0;
    await readAll(reader, count, (entries) => {
      meter.begin();
      const ids: string[] = [];
      for (const [id, fields] of entries) {
        quantity += (JSON.parse(fields[1] as string) as Order).quantity;
        ids.push(id);
      }
      acknowledged.push(writer.xack(stream, group, ...ids));
    });
    await Promise.all(acknowledged);
    const sample = await meter.end(count);
    if (quantity === 0) throw new Error("nothing was handled");
    await Promise.all([reader.quit(), writer.quit()]);
    return sample;
  },

  transform: async ({ url, count, meter }) => {
    const [reader, writer] = [connect(url), connect(url)];
    await writer.xgroup("CREATE", stream, group, "0");
    await writer.script("LOAD", transformScript);
    await reader.ping();
    await meter.ready();
    const settled: Promise<unknown>[] = [];
    await readAll(reader, count, (entries) => {
      meter.begin();
      for (let first = 0; first < entries.length; first += perScript) {
        const args: string[] = [];
        for (const [id, fields] of entries.slice(first, first + perScript)) {
          const output = routedOf(JSON.parse(fields[1] as string) as Order);
          args.push(id, JSON.stringify(output), fields[3] as string, fields[5] as string);
        }
        settled.push(writer.evalsha(transformSha, 2, stream, routed, group, ...args));
      }
    });
    await Promise.all(settled);
    const sample = await meter.end(count);
    await Promise.all([reader.quit(), writer.quit()]);
    return sample;
  },
};

export const contender: Contender = { works, backlog };

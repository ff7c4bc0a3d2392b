/**
 * Bare node-redis, written as well as one can by hand; the client itself puts the commands of a tick into one write.
 */

import { createClient } from "redis";
import { each, inChunks } from "../bulk.ts";
import type { Contender, Round, Sample } from "../contender.ts";
import { type Order, routedOf } from "../order.ts";
import { backlog, fieldsOf, group, perRead, perScript, routed, stream, transformScript, transformSha } from "./bare.ts";

type Entry = [id: string, fields: string[]];
type Reply = [stream: string, entries: Entry[]][] | null;
type Client = Awaited<ReturnType<typeof connect>>;

/** Connects. Errors reach the awaited command; without a listener they would also end the process. */
async function connect(url: string) {
  return await createClient({ url, RESP: 2 })
    .on("error", () => undefined)
    .connect();
}

function append(client: Client, i: number, shape: Round["shape"]): Promise<unknown> {
  return client.sendCommand(["XADD", stream, "*", ...fieldsOf(i, shape)]);
}

async function consumeAll(
  { url, count, meter }: Round,
  handle: (entries: Entry[], writer: Client) => Promise<unknown>,
): Promise<Sample> {
  const [reader, writer] = await Promise.all([connect(url), connect(url)]);
  await writer.xGroupCreate(stream, group, "0", { MKSTREAM: true });
  await writer.scriptLoad(transformScript);
  await meter.ready();
  const read = (): Promise<Reply> => {
    const options = ["GROUP", group, "m", "COUNT", String(perRead), "BLOCK", "1000", "STREAMS", stream, ">"];
    return reader.sendCommand<Reply>(["XREADGROUP", ...options]);
  };
  const settled: Promise<unknown>[] = [];
  let next = read();
  for (let seen = 0; seen < count; ) {
    const entries = (await next)?.[0]?.[1] ?? [];
    seen += entries.length;
    if (seen < count) next = read();
    meter.begin();
    settled.push(handle(entries, writer));
  }
  await Promise.all(settled);
  const sample = await meter.end(count);
  await Promise.all([reader.close(), writer.close()]);
  return sample;
}

const works: Contender["works"] = {
  publish: async ({ url, count, shape, meter }) => {
    const client = await connect(url);
    await meter.ready();
    meter.begin();
    await inChunks(count, (first, end) => {
      const published: Promise<unknown>[] = [];
      for (let i = first; i < end; i++) published.push(append(client, i, shape));
      return Promise.all(published);
    });
    const sample = await meter.end(count);
    await client.close();
    return sample;
  },

  publishEach: async ({ url, count, shape, meter }) => {
    const client = await connect(url);
    await meter.ready();
    meter.begin();
    await each(count, shape.atOnce ?? 1, (i) => append(client, i, shape));
    const sample = await meter.end(count);
    await client.close();
    return sample;
  },

  consume: async (round) => {
    let quantity = 0;
    const sample = await consumeAll(round, (entries, writer) => {
      const ids: string[] = [];
      for (const [id, fields] of entries) {
        quantity += (JSON.parse(fields[1] as string) as Order).quantity;
        ids.push(id);
      }
      return writer.sendCommand(["XACK", stream, group, ...ids]);
    });
    if (quantity === 0) throw new Error("nothing was handled");
    return sample;
  },

  transform: (round) =>
    consumeAll(round, (entries, writer) => {
      const settled: Promise<unknown>[] = [];
      for (let first = 0; first < entries.length; first += perScript) {
        const args: string[] = [];
        for (const [id, fields] of entries.slice(first, first + perScript)) {
          const output = routedOf(JSON.parse(fields[1] as string) as Order);
          args.push(id, JSON.stringify(output), fields[3] as string, fields[5] as string);
        }
        settled.push(writer.sendCommand(["EVALSHA", transformSha, "2", stream, routed, group, ...args]));
      }
      return Promise.all(settled);
    }),
};

export const contender: Contender = { works, backlog };

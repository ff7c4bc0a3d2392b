/** Bare ioredis that reads by a cursor of its own: it writes its position with what it makes, and nothing for each entry. One reader at most. */

import { Redis } from "ioredis";
import type { Contender, Round, Sample } from "../contender.ts";
import { type Order, routedOf } from "../order.ts";
import {
  backlog,
  cursorScript,
  cursorSha,
  perRead,
  perScript,
  position,
  routed,
  state,
  stream,
  sumsOf,
} from "./bare.ts";

type Entry = [id: string, fields: string[]];
type Reply = [stream: string, entries: Entry[]][] | null;

/** The sample is taken when everything that `handle` returns is done. */
async function consumeAll(
  { url, count, meter }: Round,
  handle: (entries: Entry[], last: string, writer: Redis) => Promise<unknown>,
): Promise<Sample> {
  const [reader, writer] = [new Redis(url, { protocol: 2 }), new Redis(url, { protocol: 2 })];
  await writer.script("LOAD", cursorScript);
  await reader.ping();
  await meter.ready();
  const read = (after: string): Promise<Reply> =>
    reader.xread("COUNT", perRead, "BLOCK", 1_000, "STREAMS", stream, after) as Promise<Reply>;
  const settled: Promise<unknown>[] = [];
  let next = read("0");
  for (let seen = 0; seen < count; ) {
    const entries = (await next)?.[0]?.[1] ?? [];
    const [last = "0"] = entries.at(-1) ?? [];
    seen += entries.length;
    if (seen < count) next = read(last);
    meter.begin();
    settled.push(handle(entries, last, writer));
  }
  await Promise.all(settled);
  const sample = await meter.end(count);
  await Promise.all([reader.quit(), writer.quit()]);
  return sample;
}

const orderIn = ([, fields]: Entry): Order => JSON.parse(fields[1] as string) as Order;

async function consume(round: Round): Promise<Sample> {
  let quantity = 0;
  const sample = await consumeAll(round, (entries, last, writer) => {
    for (const entry of entries) quantity += orderIn(entry).quantity;
    return writer.set(position, last);
  });
  if (quantity === 0) throw new Error("nothing was handled");
  return sample;
}

export const contender: Contender = {
  backlog,
  works: {
    consume,
    batch: consume,

    transform: (round) =>
      consumeAll(round, (entries, _, writer) => {
        const settled: Promise<unknown>[] = [];
        for (let first = 0; first < entries.length; first += perScript) {
          const part = entries.slice(first, first + perScript);
          const args: string[] = [];
          for (const entry of part) {
            const [, fields] = entry;
            args.push(JSON.stringify(routedOf(orderIn(entry))), fields[3] as string, fields[5] as string);
          }
          const [last] = part.at(-1) as Entry;
          settled.push(writer.evalsha(cursorSha, 2, routed, position, last, ...args));
        }
        return Promise.all(settled);
      }),

    state: (round) => {
      const sums = new Map<string, number>();
      return consumeAll(round, (entries, last, writer) =>
        writer
          .multi()
          .hset(state, sumsOf(sums, entries.map(orderIn)))
          .set(position, last)
          .exec(),
      );
    },
  },
};

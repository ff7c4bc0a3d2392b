/** Throughline's publishing works. */

import { each, inChunks } from "../../bulk.ts";
import type { Contender, Publisher } from "../../contender.ts";
import { entryBytes } from "../../entry-bytes.ts";
import { orderOf, orders } from "../../order.ts";
import { connect, stream } from "./common.ts";

export const publishing: Contender["works"] = {
  publish: async ({ url, count, shape, meter }) => {
    await using backbone = await connect(url);
    await meter.ready();
    meter.begin();
    await inChunks(count, (first, end) => {
      const published: Promise<unknown>[] = [];
      for (let i = first; i < end; i++) published.push(backbone.publish(orders, orderOf(i, shape.payloadBytes)));
      return Promise.all(published);
    });
    return await meter.end(count);
  },

  publishEach: async ({ url, count, shape, meter }) => {
    await using backbone = await connect(url);
    await meter.ready();
    meter.begin();
    await each(count, shape.atOnce ?? 1, (i) => backbone.publish(orders, orderOf(i, shape.payloadBytes)));
    return await meter.end(count);
  },

  entryBytes: (round) =>
    entryBytes(round, stream, async () => {
      await using backbone = await connect(round.url);
      await inChunks(round.count, (first, end) => {
        const numbers = Array.from({ length: end - first }, (_, i) => first + i);
        return Promise.all(numbers.map((i) => backbone.publish(orders, orderOf(i))));
      });
    }),
};

export async function publisher(url: string): Promise<Publisher> {
  const backbone = await connect(url);
  return {
    publish: (i) => backbone.publish(orders, orderOf(i)),
    close: async () => void (await backbone[Symbol.asyncDispose]()),
  };
}

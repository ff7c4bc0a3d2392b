/** Groups, streams and whole databases are deleted under load: an alarm is raised, groups return to their positions, and readers survive. */

import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { eventually } from "../support/eventually.ts";
import { fullOr } from "../support/full-length.ts";
import { type Load, middle, source, startLoad } from "../support/load.ts";
import { test } from "../support/test.ts";

const rounds = fullOr(5, 2);

async function untilSaid(load: Load, from: number, text: RegExp): Promise<void> {
  await eventually(() => load.log.slice(from).some((line) => line.level === "error" && text.test(line.text)), 15_000);
}

test(
  "loses and repeats nothing when the group of a component with one member is destroyed",
  async () => {
    await using load = await startLoad({ members: 1 });
    for (let round = 0; round < rounds; round++) {
      for (const [channel, component] of [
        [source, "first"],
        [middle, "second"],
      ] as const) {
        const from = load.log.length;
        await load.o.client.xgroup("DESTROY", load.o.stream(channel), component);
        await untilSaid(load, from, /group was gone|the stream is gone/);
        await load.goOn(100);
      }
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(120_000, 40_000) },
);

test(
  "loses and repeats nothing when the group of a component with two members is destroyed",
  async () => {
    await using load = await startLoad();
    for (let round = 0; round < rounds; round++) {
      const from = load.log.length;
      await load.o.client.xgroup("DESTROY", load.o.stream(source), "first");
      await untilSaid(load, from, /group was gone|the stream is gone/);
      await load.goOn(100);
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(120_000, 40_000) },
);

test(
  "goes on when a stream is deleted with all that is in it",
  async () => {
    await using load = await startLoad({ order: "none" });
    for (let round = 0; round < rounds; round++) {
      const from = load.log.length;
      await load.o.client.del(load.o.stream(source));
      await load.mayHaveLost("source");
      await untilSaid(load, from, /group was gone|the stream is gone/);
      await load.goOn(100);
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(120_000, 40_000) },
);

test(
  "goes on when everything is flushed, and its streams, outputs and state agree from there",
  async () => {
    await using redis = await startPrivateRedis();
    await using load = await startLoad({ url: redis.url, order: "none" });
    for (let round = 0; round < rounds; round++) {
      const from = load.log.length;
      await load.o.client.flushall();
      await load.mayHaveLost();
      await untilSaid(load, from, /group was gone|the stream is gone/);
      await load.goOn(100);
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(120_000, 40_000) },
);

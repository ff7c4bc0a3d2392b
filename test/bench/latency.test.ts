/** Latency is measured from the moment at which an event was due, whatever holds the producer up. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import type { Meter, Sample } from "../../bench/contender.ts";
import { contender } from "../../bench/contenders/ioredis.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { test } from "../support/test.ts";

const pauseMs = 400;

test(
  "a server that stands still for a while delays every event that is due meanwhile, not only the one that is under way",
  async () => {
    await using server = await startPrivateRedis();
    const admin = new Redis(server.url);
    const paused = new Promise<unknown>((resolve, reject) => {
      // Once events flow, so that the pause lies in the middle of them.
      const look = async (): Promise<void> => {
        while ((await admin.xlen("orders")) < 200);
        resolve(await admin.client("PAUSE", pauseMs, "WRITE"));
      };
      look().catch(reject);
    });
    const meter: Meter = {
      ready: async () => undefined,
      begin: () => undefined,
      end: async (): Promise<Sample> => ({}),
      whenAcknowledged: async () => undefined,
    };
    const round = { url: server.url, count: 1_000, shape: { perSecond: 1_000 }, meter };
    const sample = await contender.works.latency?.(round);
    assert.is(await paused, "OK");
    await admin.quit();
    const { p50Ms = Number.NaN, p99Ms = Number.NaN, p999Ms = Number.NaN } = sample ?? {};
    // Of 1,000 events 400 fall into the pause; had the producer waited, it would be one.
    assert.ok(p99Ms > pauseMs / 2, `p99 is ${p99Ms} ms`);
    assert.ok(p50Ms > 0 && p50Ms <= p99Ms && p99Ms <= p999Ms, JSON.stringify(sample));
  },
  { timeoutMs: 120_000 },
);

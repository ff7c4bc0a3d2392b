/** The store over Redis keeps the contract, with the rights of its role and no more. */

import { test } from "../support/test.ts";
import { startWarpedRedis, type WarpedRedis } from "../support/warped-redis.ts";
import { behaviours } from "./behaviours.ts";
import { RedisHarness } from "./redis-harness.ts";

/** One server for all of them, one after the other. */
let server: Promise<WarpedRedis> | undefined;
let left = behaviours.length;

for (const { name, run } of behaviours) {
  test(name, async () => {
    server ??= startWarpedRedis();
    const warped = await server;
    try {
      await using harness = await RedisHarness.on(warped);
      await run(harness);
    } finally {
      if (--left === 0) await warped[Symbol.asyncDispose]();
    }
  });
}

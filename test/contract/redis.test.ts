/** The store over Redis keeps the contract, with the rights of its role and no more. */

import { serverVersions } from "../support/server-versions.ts";
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

for (const version of serverVersions.slice(1)) {
  test(
    `all of that on ${version.name}`,
    async () => {
      await using warped = await version.run(startWarpedRedis);
      for (const { name, run } of behaviours) {
        await using harness = await RedisHarness.on(warped);
        await run(harness).catch((cause: unknown) => {
          throw new Error(`${name}: ${String(cause)}`, { cause });
        });
      }
    },
    { timeoutMs: 120_000 },
  );
}

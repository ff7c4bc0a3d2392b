/**
 * The store in memory and the one over Redis answer random sequences of calls alike, and leave the same behind. THROUGHLINE_SEQUENCES
 * ("FIRST..LAST") names others than the usual ones.
 */

import { MemoryHarness } from "../contract/memory-harness.ts";
import { RedisHarness } from "../contract/redis-harness.ts";
import { Sequence } from "../contract/sequence.ts";
import { serverVersions } from "../support/server-versions.ts";
import { test } from "../support/test.ts";
import { startWarpedRedis } from "../support/warped-redis.ts";

const [first = 1, last = 25] = (process.env["THROUGHLINE_SEQUENCES"] ?? "").split("..").filter(Boolean).map(Number);
const length = 60;
/** Long enough for some hundred sequences on a busy machine. */
const timeoutMs = 600_000;

for (const version of serverVersions) {
  test(
    `both stores answer sequences ${first} to ${last} alike, on ${version.name}`,
    async () => {
      await using warped = await version.run(startWarpedRedis);
      for (let seed = first; seed <= last; seed++) {
        await using memory = new MemoryHarness();
        await using redis = await RedisHarness.on(warped);
        const sequence = new Sequence(seed, [memory, redis]);
        try {
          await sequence.run(length);
        } catch (error) {
          const again = `THROUGHLINE_SEQUENCES=${seed}..${seed} npm test -- test/model-based/two-stores`;
          const { message, details = "" } = error as Error & { details?: string };
          process.stdout.write(`${sequence.calls.join("\n")}\n${message}\n${details}\n${again}\n`);
          throw new Error(`sequence ${seed}, call ${sequence.calls.length}: ${again}`, { cause: error });
        }
      }
    },
    { timeoutMs },
  );
}

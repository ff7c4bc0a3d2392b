/** Reads the append-only files of a killed Redis with a server of their own, before another process writes to them again. */

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { toRecord } from "../support/reply-record.ts";

/** The last id of a stream that has none. */
export const noEntry = "0-0";

/**
 * The last entry id that each stream of the dead server has ever given, as far as its files say; `0-0` for one that they do not know. What it acknowledged
 * with a greater one is lost. `directory` is the server's.
 */
export async function lastEntryIds(directory: string, streams: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const copy = await mkdtemp(join(tmpdir(), "throughline-survived-"));
  try {
    await cp(join(directory, "appendonlydir"), join(copy, "appendonlydir"), { recursive: true });
    await using redis = await startPrivateRedis({ directory: copy });
    const client = new Redis(redis.url, { protocol: 2 });
    using _client = { [Symbol.dispose]: () => client.disconnect() };
    const ids = new Map<string, string>();
    for (const stream of streams) {
      const exists = (await client.exists(stream)) === 1;
      const facts = exists ? toRecord((await client.call("XINFO", "STREAM", stream)) as unknown[]) : {};
      ids.set(stream, String(facts["last-generated-id"] ?? noEntry));
    }
    return ids;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

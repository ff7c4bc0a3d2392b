/** Measures an entry's share of the server's memory: all memory in use after `append`, less that before it. */

import { Redis } from "ioredis";
import type { Round, Sample } from "./contender.ts";

/**
 * Measures the bytes of an entry. `bytes` is everything that came with it: the stream, and keys beside it.
 * `streamBytes` is the stream alone.
 */
export async function entryBytes(
  { url, count }: Pick<Round, "url" | "count">,
  stream: string,
  append: (client: Redis) => Promise<void>,
): Promise<Sample> {
  const client = new Redis(url);
  const before = await usedBytes(client);
  await append(client);
  const bytes = ((await usedBytes(client)) - before) / count;
  const streamBytes = Number(await client.memory("USAGE", stream, "SAMPLES", 0)) / count;
  await client.quit();
  return { bytes, streamBytes };
}

/** Memory in use, without the present buffers of connections. */
async function usedBytes(client: Redis): Promise<number> {
  const text = await client.info("memory");
  const of = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(text)?.[1] ?? Number.NaN);
  return of("used_memory_dataset");
}

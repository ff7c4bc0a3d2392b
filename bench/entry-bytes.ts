/** What an entry takes of the server's memory: all that is used after `append`, less what was used before it. */

import { Redis } from "ioredis";
import type { Round, Sample } from "./contender.ts";

/** `bytes` is everything that came with an entry: the stream, and what is kept beside it. `streamBytes` is the stream alone. */
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

/** Without what connections hold for the moment. */
async function usedBytes(client: Redis): Promise<number> {
  const text = await client.info("memory");
  const of = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(text)?.[1] ?? Number.NaN);
  return of("used_memory_dataset");
}

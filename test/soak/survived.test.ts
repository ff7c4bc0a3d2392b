/** The entries that a killed Redis still has: its files tell them, and a restart confirms them. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";
import { slowFsyncs } from "./slow-fsync.ts";
import { lastEntryIds } from "./survived.ts";

const streams = ["stream-a", "stream-none"];

test("a server with appendfsync always has all that it has acknowledged, one whose fsync stalls has less", async () => {
  await using _slow = await slowFsyncs();
  await using redis = await startPrivateRedis();
  const client = new Redis(redis.url, { protocol: 2, maxRetriesPerRequest: null });
  client.on("error", () => undefined); // Redis is killed on purpose
  using _client = { [Symbol.dispose]: () => client.disconnect() };
  const add = async (): Promise<string> => (await client.xadd("stream-a", "*", "n", "1")) ?? "none";

  await client.config("SET", "appendfsync", "always");
  const kept = await add();
  await redis.kill("SIGKILL");
  assert.equal(
    await lastEntryIds(redis.directory, streams),
    new Map([
      ["stream-a", kept],
      ["stream-none", "0-0"],
    ]),
  );

  await redis.restart();
  await client.config("SET", "appendfsync", "everysec");
  let last = kept;
  await eventually(async () => {
    last = await add();
    return (await client.info("persistence")).search(/aof_buffer_length:[1-9]/) >= 0; // answered, and not written
  });
  await redis.kill("SIGKILL");
  const had = (await lastEntryIds(redis.directory, streams)).get("stream-a");
  assert.is.not(had, last);
  await redis.restart();
  const [newest] = await client.xrevrange("stream-a", "+", "-", "COUNT", 1);
  assert.is(newest?.[0], had);
});

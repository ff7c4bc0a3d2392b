/** The group of a component, as people and tools see it with redis-cli alone. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import type { Settlement } from "../../../src/ports/settle.ts";
import { redisUrl } from "../../support/redis.ts";
import { skip, test } from "../../support/test.ts";
import { acked, append, batch, channel, component, openStore, own } from "./store.ts";

/** The lines of a reply: names and values, one a line, numbers without their type. */
async function redisCli(...args: readonly string[]): Promise<readonly string[]> {
  const run = promisify(execFile)("redis-cli", ["--raw", "-u", redisUrl(), ...args]);
  const { stdout } = await run.catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") skip("redis-cli is not installed (Debian's package redis-tools)");
    throw error;
  });
  return stdout.trimEnd().split("\n");
}

function fieldIn(lines: readonly string[], name: string): string | undefined {
  return lines[lines.indexOf(name) + 1];
}

test("position, lag, who, and what is unfinished, at every moment", async () => {
  await using opened = await openStore();
  const stream = opened.keys.stream(0, channel);
  const ids = await append(opened, "e1", "e2", "e3", "e4");
  const [first = "", second = "", third = "", last = ""] = ids;
  const { session, claim } = await own(opened);
  const group = (): Promise<readonly string[]> => redisCli("XINFO", "GROUPS", stream);
  assert.equal((await group()).slice(0, 8), [
    "name",
    component,
    "consumers",
    "1",
    "pending",
    "0",
    "last-delivered-id",
    "0-0",
  ]);
  assert.is(fieldIn(await group(), "lag"), "4");
  assert.is(fieldIn(await redisCli("XINFO", "CONSUMERS", stream, component), "name"), "m1");

  const entries = [{ channel, entryId: first, isNoted: false }];
  const park: Settlement = { kind: "parked", locks: [], entries, attempt: 1, delayMs: 60_000 };
  await session.settle(claim, batch(1, [park, acked(second)], second, 2));
  assert.is(fieldIn(await group(), "last-delivered-id"), second);
  assert.is(fieldIn(await group(), "lag"), "2");
  assert.equal(await redisCli("XPENDING", stream, component), ["1", first, first, "parked", "1"]);

  await session.renew(claim, [], [{ channel, entryId: third }]);
  assert.is(fieldIn(await group(), "pending"), "2");
  assert.equal(
    (await redisCli("XPENDING", stream, component)).toSorted(),
    ["1", "1", "2", first, "m1", "parked", third].toSorted(),
  );

  const noted = { entries: [first, third].map((entryId) => ({ channel, entryId, isNoted: true })) };
  await session.settle(claim, batch(2, [acked(first, noted), acked(last)], last, 4));
  assert.is(fieldIn(await group(), "lag"), "0");
  assert.is(fieldIn(await group(), "pending"), "0");
});

test("an entry that was deleted unread leaves no lag at the stream's end", async () => {
  await using opened = await openStore();
  const stream = opened.keys.stream(0, channel);
  const [first = "", , last = ""] = await append(opened, "e1", "e2", "e3");
  const { session, claim } = await own(opened);
  await session.settle(claim, batch(1, [acked(first)], first));
  const [, second = ""] = (await redisCli("XRANGE", stream, `(${first}`, "+", "COUNT", "1"))[0]?.match(/^(\S+)$/) ?? [];
  await redisCli("XDEL", stream, second);
  await session.settle(claim, batch(2, [acked(last)], last, 2));
  const newest = [{ channel, entryId: last, eventId: "e3", entriesRead: 2 }];
  await session.renew(claim, newest, []);
  assert.is(fieldIn(await redisCli("XINFO", "GROUPS", stream), "lag"), "0");
});

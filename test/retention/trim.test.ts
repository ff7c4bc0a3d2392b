/** Maintenance trims entries as the policy allows, and never one that some component has not finished. */

import * as assert from "uvu/assert";
import { on, PermanentError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type RetentionPolicy, resolveRetention } from "../../src/model/retention-policy.ts";
import { Connection } from "../../src/redis/client/connection.ts";
import { RedisTrimmer } from "../../src/redis/store/trimmer.ts";
import { memoryLog, type Opened, open, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const channel = things("things");

/** Trims until nothing more can be trimmed. */
async function trim(
  o: Opened,
  policy: RetentionPolicy,
  components: readonly string[] = [],
  url: string = redisUrl(),
): Promise<{ removed: number; isHeld: boolean }> {
  const connection = new Connection({ url, log: memoryLog([]), silenceMs: 5_000, purpose: "test" });
  const trimmer = new RedisTrimmer(connection, o.keys);
  try {
    for (let removed = 0; ; ) {
      const step = await trimmer.trim(
        { partition: 0, channel: channel.name },
        resolveRetention("things", policy),
        components,
      );
      removed += step.removed;
      if (!step.hasMore) return { removed, isHeld: step.isHeld };
    }
  } finally {
    trimmer.close();
  }
}

async function publish(o: Opened, count: number, first = 0): Promise<readonly string[]> {
  const refs = await Promise.all(
    Array.from({ length: count }, (_, n) => o.backbone.publish(channel, { n: first + n })),
  );
  return refs.map(({ entryId }) => entryId);
}

async function left(o: Opened): Promise<readonly string[]> {
  return (await o.client.xrange(o.stream(channel), "-", "+")).map(([id]) => id);
}

/** Delivers that many entries to the group, and settles those for which `isSettled` is true. */
async function take(
  o: Opened,
  group: string,
  count: number,
  isSettled: (place: number) => boolean,
): Promise<readonly string[]> {
  const reply = await o.client.xreadgroup("GROUP", group, "m", "COUNT", count, "STREAMS", o.stream(channel), ">");
  const ids = ((reply as [string, [string, string[]][]][] | null)?.[0]?.[1] ?? []).map(([id]) => id);
  const settled = ids.filter((_, place) => isSettled(place));
  if (settled.length > 0) await o.client.xack(o.stream(channel), group, ...settled);
  return ids;
}

test("keeps maxEntries entries where no component consumes the channel", async () => {
  await using o = await open();
  const ids = await publish(o, 2_500);
  assert.equal(await trim(o, { maxEntries: 7 }), { removed: 2_493, isHeld: false });
  assert.equal(await left(o), ids.slice(-7));
  assert.is((await trim(o, { maxEntries: 7 })).removed, 0);
});

test("removes entries older than maxAgeMs, by the server's clock", async () => {
  await using o = await open();
  const [seconds] = await o.client.time();
  const now = Number(seconds) * 1_000;
  for (const ageMs of [100_000, 60_500, 30_000, 0])
    await o.client.xadd(o.stream(channel), `${now - ageMs}-0`, "payload", "{}");
  assert.is((await trim(o, { maxAgeMs: 60_000 })).removed, 2);
  assert.equal(await left(o), [`${now - 30_000}-0`, `${now}-0`]);
});

test("trims by age or by number, whichever removes more", async () => {
  await using o = await open();
  const ids = await publish(o, 10);
  assert.is((await trim(o, { maxAgeMs: 3_600_000, maxEntries: 4 })).removed, 6);
  assert.equal(await left(o), ids.slice(-4));
});

test("keeps entries that some group has not read", async () => {
  await using o = await open();
  const ids = await publish(o, 1_500);
  await o.client.xgroup("CREATE", o.stream(channel), "quick", "0");
  await o.client.xgroup("CREATE", o.stream(channel), "slow", "0");
  await take(o, "quick", 1_500, () => true);
  assert.equal(await trim(o, { maxEntries: 1 }), { removed: 0, isHeld: true });
  await take(o, "slow", 1_200, () => true);
  assert.equal(await trim(o, { maxEntries: 1 }), { removed: 1_199, isHeld: true });
  assert.equal(await left(o), ids.slice(1_199)); // the last one that was given is the group's place
  await take(o, "slow", 300, () => true);
  assert.equal(await trim(o, { maxEntries: 1 }), { removed: 300, isHeld: false });
});

test("keeps entries that are pending in a group without a row, and all later ones", async () => {
  for (const consumer of ["m", "parked"]) {
    await using o = await open();
    const ids = await publish(o, 20);
    await o.client.xgroup("CREATE", o.stream(channel), "c", "0");
    await take(o, "c", 20, (place) => place !== 5);
    await o.client.xclaim(o.stream(channel), "c", consumer, 0, ids[5] ?? "", "JUSTID");
    assert.equal(await trim(o, { maxEntries: 2, maxAgeMs: 1 }), { removed: 5, isHeld: true });
    assert.equal(await left(o), ids.slice(5));
  }
});

/** The row of a component, as its owner leaves it. */
async function row(o: Opened, component: string, at: string, open = ""): Promise<void> {
  await o.client.hset(o.keys.owner(0, component), "epoch", 1, "owner", "", "at:things", at, "open:things", open);
}

test("keeps what a component's row says is open, parked or not reached, whatever its group says", async () => {
  await using o = await open();
  const ids = await publish(o, 20);
  const id = (place: number): string => ids[place] ?? "";
  const parked = o.keys.parked(0, "things", "c");
  await o.client.xgroup("CREATE", o.stream(channel), "c", "$");
  await row(o, "c", id(10), `!${id(7)} ${id(8)}`);
  await o.client.zadd(parked, 1, id(9), 2, id(4)); // the oldest is due last
  const step = async (first: number): Promise<void> => {
    const { isHeld } = await trim(o, { maxEntries: 2 }, ["c"]);
    assert.equal([await left(o), isHeld], [ids.slice(first), true]);
  };
  await step(4);
  await o.client.zrem(parked, id(4));
  await step(7);
  await row(o, "c", id(10), id(8));
  await step(8);
  await row(o, "c", id(10));
  await step(9);
  await o.client.del(parked);
  await step(10);
  // Nobody has described the component: its group names it.
  await row(o, "c", id(12));
  assert.equal(await trim(o, { maxEntries: 2 }), { removed: 2, isHeld: true });
  // Its group is gone: the description names it.
  await o.client.xgroup("DESTROY", o.stream(channel), "c");
  await row(o, "c", id(14));
  await step(14);
  assert.equal(await trim(o, { maxEntries: 2 }), { removed: 4, isHeld: false });
});

test("finds the oldest of many parked entries, by the group where it shows all of them, else one by one", async () => {
  await using o = await open();
  const ids = await publish(o, 1_500);
  const waiting = ids.slice(200, 1_400);
  await o.client.zadd(o.keys.parked(0, "things", "c"), ...waiting.toReversed().flatMap((id, due) => [due, id]));
  await row(o, "c", ids[1_450] ?? "");
  await o.client.xgroup("CREATE", o.stream(channel), "c", "$");
  for (const shown of [waiting.slice(100), waiting]) {
    await o.client.xclaim(o.stream(channel), "c", "parked", 0, ...shown, "FORCE", "JUSTID");
    await trim(o, { maxEntries: 1 }, ["c"]);
    assert.equal(await left(o), ids.slice(200));
  }
});

test("keeps everything while a component's row is somebody else's key, or of another stream", async () => {
  await using o = await open();
  const ids = await publish(o, 10);
  await o.client.set(o.keys.owner(0, "c"), "a string");
  assert.equal(await trim(o, { maxEntries: 1 }, ["c"]), { removed: 0, isHeld: true });
  await o.client.del(o.keys.owner(0, "c"));
  await row(o, "c", "99999999999999-0");
  assert.equal(await trim(o, { maxEntries: 1 }, ["c"]), { removed: 0, isHeld: true });
  await row(o, "c", ids[5] ?? "");
  assert.equal(await trim(o, { maxEntries: 1 }, ["c"]), { removed: 5, isHeld: true });
});

test("keeps entries appended after a group began at the end of the stream, and not earlier ones", async () => {
  await using o = await open();
  await publish(o, 10);
  const component = o.backbone.component("c", [on(channel, () => undefined)], { from: "now" });
  await o.run(component);
  await component.drain();
  const later = await publish(o, 3, 10);
  assert.equal(await trim(o, { maxEntries: 1 }), { removed: 9, isHeld: true });
  assert.equal((await left(o)).slice(1), later);
});

test("keeps everything for a group that is made between two looks", async () => {
  await using o = await open();
  const ids = await publish(o, 10);
  await o.client.xgroup("CREATE", o.stream(channel), "old", "0");
  await take(o, "old", 10, () => true);
  await o.client.xgroup("CREATE", o.stream(channel), "young", "0");
  assert.equal(await trim(o, { maxEntries: 1 }), { removed: 0, isHeld: true });
  assert.equal(await left(o), ids);
});

test("keeps entries that a component has not finished while its group is gone", async () => {
  await using o = await open();
  const component = o.backbone.component("c", [on(channel, () => undefined)]);
  await o.run(component);
  await publish(o, 10);
  await component.whenIdle();
  await component.drain();
  const unread = await publish(o, 5, 10);
  await o.client.xgroup("DESTROY", o.stream(channel), "c");
  assert.equal(await trim(o, { maxEntries: 1 }, ["c"]), { removed: 9, isHeld: true });
  assert.equal((await left(o)).slice(1), unread);
});

test("does nothing to a key that is no stream, and to one that is not there", async () => {
  await using o = await open();
  assert.is((await trim(o, { maxEntries: 1 })).removed, 0);
  await o.client.set(o.stream(channel), "a string");
  assert.is((await trim(o, { maxEntries: 1 })).removed, 0);
});

test("runs when memory is full", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  await publish(o, 10);
  await o.client.config("SET", "maxmemory", "1");
  assert.is((await trim(o, { maxEntries: 1 }, [], redis.url)).removed, 9);
});

test("trims by itself once a component runs, and loses nothing that is parked", async () => {
  await using o = await open({ maintenanceEveryMs: 100 });
  const small = things("small", { retention: { maxEntries: 5 }, retry: { backoffMs: 600_000, maxBackoffMs: 600_000 } });
  const handle = ({ payload }: { payload: Thing }): void => {
    if (payload.n === 20) throw new Error("later");
    if (payload.n === 0) throw new PermanentError("never");
  };
  const component = await o.run(o.backbone.component("c", [on(small, handle)]));
  await Promise.all(Array.from({ length: 50 }, (_, n) => o.backbone.publish(small, { n })));
  await eventually(async () => (await o.client.xlen(o.stream(small))) === 30);
  const entries = await o.entries(small);
  assert.is(entries[0]?.payload.n, 20);
  assert.is((await o.dead(small, "c")).length, 1);
  await component.drain();
});

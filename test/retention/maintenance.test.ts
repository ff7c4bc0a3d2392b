/** Maintenance runs once a period, however many processes take part, whatever their clocks show, and goes on when one of them dies. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { openOwner } from "../../src/composition/owner.ts";
import { type Channel, ConfigError, on } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { Connection } from "../../src/redis/client/connection.ts";
import { Keys } from "../../src/redis/keys.ts";
import { RedisMaintenanceTurns } from "../../src/redis/store/maintenance-turns.ts";
import { Maintenance } from "../../src/retention/maintenance.ts";
import { type LogLine, memoryLog, open, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { startWarpedRedis } from "../support/warped-redis.ts";

const everyMs = 300;

interface Round {
  readonly by: string;
  readonly at: number;
}

interface StartOptions {
  readonly url?: string;
  readonly lines?: LogLine[];
  readonly run: () => Promise<void>;
}

/** Takes part until it is closed. */
function takePart(namespace: string, { url = redisUrl(), lines = [], run }: StartOptions): { close(): Promise<void> } {
  const log = memoryLog(lines);
  const connection = new Connection({ url, log, silenceMs: 5_000, purpose: "test" });
  const turns = new RedisMaintenanceTurns(connection, new Keys(namespace), () => "");
  const maintenance = new Maintenance({ turns, everyMs, log, run });
  return {
    close: async () => {
      await maintenance.close();
      turns.close();
      connection.close();
    },
  };
}

function start(namespace: string, by: string, rounds: Round[], url?: string): { close(): Promise<void> } {
  const run = async (): Promise<void> => void rounds.push({ by, at: performance.now() });
  return takePart(namespace, { ...(url === undefined ? {} : { url }), run });
}

test("runs once a period among several that take part, and goes on when one leaves", async () => {
  const namespace = freshNamespace();
  const rounds: Round[] = [];
  const members = ["a", "b", "c"].map((by) => ({ by, maintenance: start(namespace, by, rounds) }));
  try {
    await eventually(() => rounds.length >= 8);
    const [first, last] = [rounds[0] as Round, rounds[7] as Round];
    // Seven periods lie between eight rounds; each may be late, none may come twice.
    assert.ok(last.at - first.at > 6 * everyMs, `8 rounds in ${last.at - first.at} ms`);
    await members.shift()?.maintenance.close();
    const seen = rounds.length;
    await eventually(() => rounds.length >= seen + 3);
    assert.ok(rounds.slice(seen).every(({ by }) => by !== "a"));
  } finally {
    await Promise.all(members.map(({ maintenance }) => maintenance.close()));
  }
});

test("runs once a period in two processes", async () => {
  const namespace = freshNamespace();
  const env = { REDIS_URL: redisUrl(), NAMESPACE: namespace, EVERY_MS: String(everyMs) };
  await using one = startProcess("test/fixtures/maintains.ts", [], { env });
  await using two = startProcess("test/fixtures/maintains.ts", [], { env });
  const rounds = (): readonly number[] =>
    [...one.lines, ...two.lines]
      .flatMap((line) => /^round (\d+)$/.exec(line)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  await eventually(() => rounds().length >= 6);
  const times = rounds();
  assert.ok((times[5] ?? 0) - (times[0] ?? 0) > 4 * everyMs, `6 rounds at ${times.join(", ")}`);
  one.kill();
  const before = rounds().length;
  await eventually(() => rounds().length >= before + 2);
});

for (const [where, hours] of [
  ["ahead", 1],
  ["behind", -1],
] as const) {
  test(`goes on, once a period, beside a process whose wall clock is an hour ${where}, and after its end`, async () => {
    const namespace = freshNamespace();
    const env = {
      ...{ REDIS_URL: redisUrl(), NAMESPACE: namespace, EVERY_MS: String(everyMs) },
      ...{ NODE_OPTIONS: "--import=./test/fixtures/false-clock.ts", CLOCK_OFFSET_MS: String(hours * 3_600_000) },
    };
    const rounds: Round[] = [];
    await using wrong = startProcess("test/fixtures/maintains.ts", [], { env });
    const shown = Number(/\d+/.exec(await wrong.line(/^round \d+$/))?.[0]);
    assert.ok(Math.abs(shown - Date.now() - hours * 3_600_000) < 60_000, `the process's clock shows ${shown}`);
    const right = start(namespace, "right", rounds);
    try {
      // Whoever comes first in a period has it.
      const count = (): number => rounds.length + wrong.lines.length;
      const [from, since] = [count(), performance.now()];
      await eventually(() => count() >= from + 8);
      const periods = (performance.now() - since) / everyMs;
      assert.ok(periods > 6, `8 rounds in ${periods} periods`);
      wrong.kill();
      await wrong.ended;
      const seen = rounds.length;
      await eventually(() => rounds.length >= seen + 3);
    } finally {
      await right.close();
    }
  });
}

test("does not begin the period anew when a process joins", async () => {
  const namespace = freshNamespace();
  const rounds: Round[] = [];
  const first = start(namespace, "first", rounds);
  await eventually(() => rounds.length >= 2);
  const from = rounds.length;
  const startedAt = performance.now();
  const joined = Array.from({ length: 5 }, (_, i) => start(namespace, `joined ${i}`, rounds));
  await eventually(() => rounds.length >= from + 4);
  const took = (rounds[from + 3] as Round).at - startedAt;
  await Promise.all([first, ...joined].map((one) => one.close()));
  assert.ok(took > 2 * everyMs, `4 rounds in ${took} ms after five had joined`);
});

test("goes on after a round that failed", async () => {
  const namespace = freshNamespace();
  let rounds = 0;
  const lines: LogLine[] = [];
  const maintenance = takePart(namespace, {
    lines,
    run: () => {
      rounds++;
      return Promise.reject(new Error("no"));
    },
  });
  await eventually(() => rounds >= 3);
  await maintenance.close();
  assert.ok(lines.some(({ level, fields }) => level === "warn" && fields["reason"] === "Error: no"));
});

test("goes on when the server's clock is set an hour back, and forth", async () => {
  await using warped = await startWarpedRedis();
  const rounds: Round[] = [];
  const two = ["a", "b"].map((by) => start("clock", by, rounds, warped.redis.url));
  try {
    await eventually(() => rounds.length >= 2);
    for (const seconds of [-3_600, 0]) {
      await warped.shift(seconds);
      const seen = rounds.length;
      await eventually(() => rounds.length >= seen + 3);
    }
  } finally {
    await Promise.all(two.map((one) => one.close()));
  }
});

test("goes on while memory is full, because maintenance frees it", async () => {
  await using redis = await startPrivateRedis();
  const client = new Redis(redis.url, { protocol: 2 });
  await client.config("SET", "maxmemory", "1");
  client.disconnect();
  const rounds: Round[] = [];
  const one = start("full", "one", rounds, redis.url);
  try {
    await eventually(() => rounds.length >= 2);
  } finally {
    await one.close();
  }
});

test("goes on after everything was flushed", async () => {
  const namespace = freshNamespace();
  const rounds: Round[] = [];
  const one = start(namespace, "one", rounds);
  const client = new Redis(redisUrl(), { protocol: 2 });
  try {
    await eventually(() => rounds.length >= 1);
    await client.del(await client.keys(new Keys(namespace).maintenanceTurn("*")));
    await eventually(() => rounds.length >= 3);
  } finally {
    client.disconnect();
    await one.close();
  }
});

test("is started by a caller that asks for it, and by a component with a channel whose retention trims", async () => {
  await using o = await open({ maintenanceEveryMs: 100 });
  const small = things("small", { retention: { maxEntries: 2 } });
  await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(small, { n })));
  assert.is((await o.entries(small)).length, 10); // a publisher alone never trims
  o.backbone.maintain();
  await eventually(async () => (await o.entries(small)).length === 2);
});

for (const [group, described] of [
  ["an abandoned component", true],
  ["a foreign group", false],
] as const) {
  test(`names ${group} that nobody serves and that holds retention back`, async () => {
    await using o = await open({ maintenanceEveryMs: 100 });
    const small = things("small", { retention: { maxEntries: 2 } });
    await o.client.xadd(o.stream(small), "1000-0", "payload", '{"n":0}'); // long ago
    await o.client.xgroup("CREATE", o.stream(small), "forgotten", "0");
    if (described) await o.client.hset(o.keys.meta(), "component:forgotten", "small");
    await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(small, { n })));
    o.backbone.maintain();
    const warning = await eventually(() => o.log.find(({ text }) => text.startsWith(`${group} holds retention back`)));
    assert.equal(
      [warning.level, warning.fields["component"], warning.fields["from"]],
      ["warn", "forgotten", ["small from 1000-0"]],
    );
    assert.is((await o.entries(small)).length, 11);
  });
}

test("names a channel that a served component has dropped, and goes on there once its group is retired", async () => {
  await using o = await open({ maintenanceEveryMs: 100 });
  const [kept, dropped] = ["kept", "dropped"].map((name) => things(name, { retention: { maxEntries: 2 } })) as [
    Channel<Thing>,
    Channel<Thing>,
  ];
  const ignore = (): void => undefined;
  const before = await o.run(o.backbone.component("c", [on(kept, ignore), on(dropped, ignore)]));
  await before.drain();
  await o.run(o.backbone.component("c", [on(kept, ignore)]));
  await o.client.del(o.stream(dropped));
  await o.client.xadd(o.stream(dropped), "1000-0", "payload", '{"n":0}'); // long ago
  await o.client.xgroup("CREATE", o.stream(dropped), "c", "0");
  for (let n = 0; n < 10; n++) await o.backbone.publish(dropped, { n });
  const warning = await eventually(() => o.log.find(({ text }) => text.includes("does not subscribe to any more")));
  assert.equal(
    [warning.level, warning.fields["component"], warning.fields["channel"], warning.fields["from"]],
    ["warn", "c", "dropped", "1000-0"],
  );
  assert.is((await o.entries(dropped)).length, 11);
  await using owner = openOwner({ url: redisUrl(), namespace: o.backbone.namespace });
  const { groups } = await owner.retire("c", { channel: "dropped" });
  assert.equal(groups, [{ channel: "dropped", partition: 0, unread: 11, unreadExact: true, open: 0 }]);
  await eventually(async () => (await o.entries(dropped)).length === 2);
  assert.is(o.log.filter(({ text }) => text.includes("does not subscribe to any more")).length, 1);
  await rejects(owner.retire("c", { channel: "kept" }), ConfigError, /is served by .* would make its groups again/);
});

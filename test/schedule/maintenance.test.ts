/** Maintenance runs once a period, however many processes take part, and goes on when one of them dies or the schedule is lost. */

import * as assert from "uvu/assert";
import { parseRedisUrl } from "../../src/redis/connections.ts";
import { Keys } from "../../src/redis/keys.ts";
import { BullMaintenance } from "../../src/schedule/maintenance.ts";
import { memoryLog, open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const everyMs = 300;

interface Round {
  readonly by: string;
  readonly at: number;
}

function start(namespace: string, by: string, rounds: Round[]): BullMaintenance {
  return new BullMaintenance({
    connection: { ...parseRedisUrl(redisUrl()), maxRetriesPerRequest: null },
    prefix: new Keys(namespace).bull(),
    everyMs,
    log: memoryLog([]),
    run: async () => void rounds.push({ by, at: performance.now() }),
  });
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
  await eventually(() => rounds().length >= 6, 15_000);
  const times = rounds();
  assert.ok((times[5] ?? 0) - (times[0] ?? 0) > 4 * everyMs, `6 rounds at ${times.join(", ")}`);
  one.kill();
  const before = rounds().length;
  await eventually(() => rounds().length >= before + 2, 15_000);
});

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
  const lines: Parameters<typeof memoryLog>[0] = [];
  const maintenance = new BullMaintenance({
    connection: { ...parseRedisUrl(redisUrl()), maxRetriesPerRequest: null },
    prefix: new Keys(namespace).bull(),
    everyMs,
    log: memoryLog(lines),
    run: () => {
      rounds++;
      return Promise.reject(new Error("no"));
    },
  });
  await eventually(() => rounds >= 3);
  await maintenance.close();
  assert.ok(lines.some(({ level, fields }) => level === "warn" && fields["reason"] === "Error: no"));
});

test("is started by whoever asks for it, and by a component whose channels let anything go", async () => {
  await using o = await open({ maintenanceEveryMs: 100 });
  const small = things("small", { retention: { maxEntries: 2 } });
  await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(small, { n })));
  assert.is((await o.entries(small)).length, 10); // a publisher alone never trims
  o.backbone.maintain();
  await eventually(async () => (await o.entries(small)).length === 2);
});

test("names a component that nobody serves and that holds retention back", async () => {
  await using o = await open({ maintenanceEveryMs: 100 });
  const small = things("small", { retention: { maxEntries: 2 } });
  await o.client.xadd(o.stream(small), "1000-0", "payload", '{"n":0}'); // long ago
  await o.client.xgroup("CREATE", o.stream(small), "forgotten", "0");
  await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(small, { n })));
  o.backbone.maintain();
  const warning = await eventually(() => o.log.find(({ text }) => text.includes("an abandoned component")));
  assert.equal(
    [warning.level, warning.fields["component"], warning.fields["from"]],
    ["warn", "forgotten", ["small from 1000-0"]],
  );
  assert.is((await o.entries(small)).length, 11);
});

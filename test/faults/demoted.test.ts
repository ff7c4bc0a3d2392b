/** A demoted primary, and a replica that a client connects to: both are reported as such, and waited for. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { openOwner } from "../../src/composition/owner.ts";
import { type Backbone, connectBackbone, on, StoreError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type LogLine, memoryLog, open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const isTold = ({ level, text }: LogLine): boolean => level === "error" && /is a replica.*takes no writes/.test(text);
const isBack = ({ level, text }: LogLine): boolean => level === "info" && text === "Redis takes commands again";
const demoted = ["REPLICAOF", "127.0.0.1", "1"] as const;
const promoted = ["REPLICAOF", "NO", "ONE"] as const;

test("waits for a replica to be promoted, and says what it waits for", async () => {
  await using redis = await startPrivateRedis();
  await using stack = new AsyncDisposableStack();
  const admin = stack.adopt(new Redis(redis.url, { protocol: 2 }), (client) => client.disconnect());
  await admin.call(...demoted);
  const lines: LogLine[] = [];
  const options = { url: redis.url, namespace: "test", log: memoryLog(lines) };
  let backbone: Backbone | undefined;
  const connecting = connectBackbone(options).then((connected) => {
    backbone = stack.use(connected);
  });
  await eventually(() => lines.some(isTold));
  assert.is(backbone, undefined);
  // It can be given up.
  const giveUp = new AbortController();
  const given = connectBackbone({ ...options, log: memoryLog([]), signal: giveUp.signal });
  giveUp.abort(new Error("enough"));
  await rejects(given, Error, /enough/);

  await admin.call(...promoted);
  await connecting;
  await backbone?.publish(things("things"), { n: 1 });
  assert.is(lines.filter(isTold).length, 1);
  assert.ok(lines.some(isBack));
});

test("says that a demoted primary is a replica, not that a group is gone, and goes on when it is the primary again", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const channel = things("things");
  const handled: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [on(channel, ({ payload }) => void handled.push(payload.n))]),
  );
  await o.backbone.publish(channel, { n: 0 });
  await component.whenIdle();
  await eventually(async () => /throughline:read:c .*flags=b/.test(String(await o.client.client("LIST"))));
  await o.client.call(...demoted);
  const published = o.backbone.publish(channel, { n: 1 });
  // By the publisher and by the member, each on a connection of its own, and once each however long it lasts.
  await eventually(() => o.log.filter(isTold).length >= 2);
  const refusals = async (): Promise<number> =>
    Number(/errorstat_READONLY:count=(\d+)/.exec(await o.client.info("errorstats"))?.[1] ?? 0);
  const before = await refusals();
  await eventually(async () => (await refusals()) > before + 10);
  const told = o.log.filter(isTold).length;
  assert.ok(told <= 4, `told ${told} times`);
  await o.client.call(...promoted);
  await published;
  await eventually(() => handled.length === 2);
  await eventually(() => o.log.some(isBack));
  assert.equal(
    o.log.filter(({ text }) => /group is gone|a read failed/.test(text)),
    [],
  );
  await component.whenIdle();
});

test("an owner's command gives up on a replica", async () => {
  await using redis = await startPrivateRedis();
  const admin = new Redis(redis.url, { protocol: 2 });
  await admin.call(...demoted);
  admin.disconnect();
  const lines: LogLine[] = [];
  await using owner = openOwner({ url: redis.url, namespace: "test", log: memoryLog(lines) });
  await rejects(owner.prepare({ partitions: 1 }), StoreError, /cannot be prepared/);
  assert.ok(lines.some(isTold));
});

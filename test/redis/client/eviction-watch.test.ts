/** A server that deletes keys when its memory is full is refused, or accepted with a warning; a server that starts to do so raises an alarm. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { ConfigError, connectBackbone, defineChannel } from "../../../src/index.ts";
import { startPrivateRedis } from "../../../src/local-redis/private-server.ts";
import { Connection } from "../../../src/redis/client/connection.ts";
import { EvictionWatch } from "../../../src/redis/client/eviction-watch.ts";
import { type LogLine, memoryLog, open, Thing, things } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";

async function setPolicy(url: string, policy: string): Promise<void> {
  const admin = new Redis(url, { protocol: 2 });
  await admin.config("SET", "maxmemory-policy", policy);
  admin.disconnect();
}

test("refuses every policy but noeviction, and says what to do", async () => {
  await using redis = await startPrivateRedis();
  for (const policy of ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-ttl"]) {
    await setPolicy(redis.url, policy);
    const connecting = connectBackbone({ url: redis.url, namespace: "test", log: memoryLog([]) });
    const error = await rejects(connecting, ConfigError, new RegExp(`maxmemory-policy is ${policy}.*handled twice`));
    assert.match(error.message, /Set it to noeviction, or accept it by eviction: "accept"/);
  }
  await setPolicy(redis.url, "noeviction");
  await (await connectBackbone({ url: redis.url, namespace: "test" })).close();
});

test("takes any policy where that is accepted, and warns once", async () => {
  await using redis = await startPrivateRedis();
  await setPolicy(redis.url, "allkeys-lru");
  await using o = await open({ url: redis.url, eviction: "accept" });
  await o.backbone.publish(things("things"), { n: 1 });
  const said = o.log.filter(({ level }) => level === "warn" || level === "error");
  assert.equal(
    said.map(({ level, fields }) => [level, fields]),
    [["warn", { policy: "allkeys-lru" }]],
  );
});

test("appends an event id once where nothing is evicted, and refuses to publish where memory is full", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const channel = defineChannel({ name: "things", schema: Thing, dedupe: { windowMs: 60_000 } });
  for (let n = 0; n < 50; n++) await o.backbone.publish(channel, { n }, { eventId: `e-${n}` });
  await o.client.config("SET", "maxmemory", "1");
  await rejects(o.backbone.publish(channel, { n: 50 }, { eventId: "e-50" }), Error, /OOM/);
  await o.client.config("SET", "maxmemory", "0");
  for (let n = 0; n < 50; n++) await o.backbone.publish(channel, { n }, { eventId: `e-${n}` });
  assert.is(await o.client.xlen(o.stream(channel)), 50);
});

test("alarms when the policy is changed while it runs, and says when it is right again", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const alarms = (): readonly LogLine[] => o.log.filter(({ level }) => level === "error");
  const reconnect = (): Promise<unknown> => o.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await o.client.config("SET", "maxmemory-policy", "volatile-lru");
  await reconnect();
  await eventually(() => alarms().length > 0);
  // Once, however often it is asked.
  await reconnect();
  await o.backbone.publish(things("things"), { n: 1 });
  assert.equal(
    alarms().map(({ fields }) => fields),
    [{ policy: "volatile-lru" }],
  );
  assert.match(alarms()[0]?.text ?? "", /maxmemory-policy was changed.*handled twice/);
  await o.client.config("SET", "maxmemory-policy", "noeviction");
  await reconnect();
  await eventually(() => o.log.some(({ level, text }) => level === "info" && /evicts no keys any more/.test(text)));
});

test("notices a change of the policy on an idle connection", async () => {
  await using redis = await startPrivateRedis();
  await using stack = new AsyncDisposableStack();
  const lines: LogLine[] = [];
  const log = memoryLog(lines);
  const connection = new Connection({ url: redis.url, log, silenceMs: 5_000, purpose: "test" });
  stack.defer(() => connection.close());
  const watch = await EvictionWatch.begin(connection, { log, isAccepted: false, everyMs: 10 });
  stack.defer(() => watch?.[Symbol.dispose]());
  await connection.client.config("SET", "maxmemory-policy", "allkeys-random");
  await eventually(() => lines.some(({ level, fields }) => level === "error" && fields["policy"] === "allkeys-random"));
  assert.is(connection.losses, 0);
});

test("starts as a user who may not read the policy, and reports the policy as unknown", async () => {
  await using redis = await startPrivateRedis();
  const admin = new Redis(redis.url, { protocol: 2 });
  await admin.call("ACL", "SETUSER", "narrow", "on", ">secret", "~*", "+@all", "-info");
  await admin.config("SET", "maxmemory-policy", "allkeys-lru");
  admin.disconnect();
  const lines: LogLine[] = [];
  const url = `redis://narrow:secret@127.0.0.1:${redis.port}`;
  await (await connectBackbone({ url, namespace: "test", log: memoryLog(lines) })).close();
  assert.ok(lines.some(({ level, text }) => level === "info" && /whether it evicts keys is not known/.test(text)));
});

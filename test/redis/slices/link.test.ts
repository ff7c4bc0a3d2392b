/** The connections of a store of slices: what is lost with one of them, and how a session goes on after it. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { startPrivateRedis } from "../../../src/local-redis/private-server.ts";
import { StoreError } from "../../../src/model/errors.ts";
import { sliceScripts } from "../../../src/redis/slices/scripts.ts";
import { eventually } from "../../support/eventually.ts";
import { named, startProxy } from "../../support/proxy.ts";
import { redisUrl } from "../../support/redis.ts";
import { test } from "../../support/test.ts";
import { acked, append, batch, channel, component, openStore, output, own } from "./store.ts";

const refused = async (call: Promise<unknown>): Promise<void> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, StoreError);
};

test("a lost reply loses the session, and a new one is given the results that were written", async () => {
  await using proxy = await startProxy(redisUrl());
  await using opened = await openStore({ url: proxy.url });
  const [id = ""] = await append(opened, "e1");
  const { session, claim } = await own(opened);
  const lost = proxy.swallowReply(named("EVALSHA", sliceScripts.settle.sha));
  const one = batch(1, [acked(id, { outputs: [output("out", "o1")] })], id);
  const settling = session.settle(claim, one);
  const renewing = session.renew(claim, [], []);
  await refused(settling);
  await refused(renewing);
  await lost;
  await refused(session.look([]));
  const next = opened.store.open({ component, partition: 0 }, [channel]);
  assert.is((await next.look([])).row?.seq, 1);
  const again = await next.settle(claim, one);
  const outputs = await opened.admin.xrange(opened.keys.stream(0, "out"), "-", "+");
  assert.is(outputs.length, 1);
  assert.equal(again.outcome === "settled" && again.results, [{ outcome: "settled", ids: [outputs[0]?.[0]] }]);
});

test("the sessions of a store share a connection, and each that reads has one more; when one is lost all are", async () => {
  await using redis = await startPrivateRedis();
  await using proxy = await startProxy(redis.url);
  await using opened = await openStore({ url: proxy.url, direct: redis.url, partitions: 4 });
  const owners = [];
  for (let partition = 0; partition < 4; partition++) owners.push(await own(opened, partition));
  assert.is(proxy.connections, 2, "the namespace's, and the store's");
  const reads = owners.slice(0, 2).map(({ session }) => session.read([{ channel, after: "0-0" }], 1, 4_000));
  await eventually(() => proxy.connections === 4);
  await eventually(async () => String(await opened.admin.client("LIST")).match(/cmd=xread/g)?.length === 2);
  proxy.cut({ last: "xread" });
  await Promise.all(reads.map(refused));
  for (const { session } of owners) await refused(session.look([]));
  assert.is((await own(opened, 3)).session !== owners[3]?.session, true);
});

test("a server that has forgotten its scripts is given them again by the next session", async () => {
  await using redis = await startPrivateRedis();
  await using opened = await openStore({ direct: redis.url });
  const { session, claim } = await own(opened);
  await opened.admin.script("FLUSH");
  await refused(session.renew(claim, [], []));
  const next = opened.store.open({ component, partition: 0 }, [channel]);
  assert.is((await next.renew(claim, [], [])).outcome, "renewed");
});

test("calls wait for a server that is away, and a session that is closed meanwhile rejects them", async () => {
  await using proxy = await startProxy(redisUrl());
  await using opened = await openStore({ url: proxy.url });
  proxy.refuse();
  const session = opened.store.open({ component, partition: 0 }, [channel]);
  const looking = session.look([]);
  await eventually(() => opened.lines.some(({ text }) => text.startsWith("Redis is away")));
  proxy.heal();
  assert.equal(await looking, { row: undefined, isBehind: false });
  proxy.refuse();
  proxy.cut();
  await eventually(() =>
    session.look([]).then(
      () => false,
      () => true,
    ),
  );
  const other = opened.store.open({ component, partition: 0 }, [channel]);
  const waiting = other.look([]);
  other.close();
  await refused(waiting);
});

test("a demoted server loses its sessions, and is waited for until it is a primary again", async () => {
  await using redis = await startPrivateRedis();
  await using primary = await startPrivateRedis();
  await using opened = await openStore({ direct: redis.url });
  const { session, claim } = await own(opened);
  await opened.admin.call("REPLICAOF", "127.0.0.1", String(primary.port));
  await refused(session.renew(claim, [], []));
  const looking = opened.store.open({ component, partition: 0 }, [channel]).look([]);
  await eventually(() => opened.lines.some(({ text }) => text.startsWith("this Redis is a replica")));
  await opened.admin.call("REPLICAOF", "NO", "ONE");
  assert.is((await looking).isBehind, false);
});

test("what the durability does not give is waited for with an alarm, and renewals are answered meanwhile", async () => {
  await using redis = await startPrivateRedis();
  await using replica = await startPrivateRedis();
  await using opened = await openStore({
    direct: redis.url,
    durability: { fsync: undefined, replicas: 1, timeoutMs: 50 },
  });
  const session = opened.store.open({ component, partition: 0 }, [channel]);
  await session.look([]);
  const member = { member: "m1", token: "t1" };
  const acquiring = session.acquire({ ...member, seen: undefined, highestEpoch: 0, isDeath: false, begin: "0" });
  let isAcquired = false;
  acquiring.then(
    () => {
      isAcquired = true;
    },
    () => undefined,
  );
  await eventually(() => opened.lines.some(({ text }) => text.startsWith("what was written is not as durable")));
  const { row } = await session.look([]);
  assert.is(row?.owner, "m1/t1");
  assert.is(isAcquired, false);
  const admin = new Redis(replica.url, { protocol: 2 });
  await admin.call("REPLICAOF", "127.0.0.1", String(redis.port));
  admin.disconnect();
  assert.is((await acquiring).outcome, "acquired");
});

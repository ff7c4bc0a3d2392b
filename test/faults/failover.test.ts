/** A replica is promoted that lacks the last writes: they are lost, the loss is reported, and the remaining log is consistent. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { on, type Published } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { fullOr } from "../support/full-length.ts";
import { startLoad } from "../support/load.ts";
import { named, startProxy } from "../support/proxy.ts";
import { isLinked } from "../support/replication.ts";
import { test } from "../support/test.ts";

test(
  "agrees with itself after a failover that loses the last writes, and says what is lost",
  async () => {
    for (let round = 0; round < fullOr(5, 1); round++) {
      await using primary = await startPrivateRedis();
      await using replica = await startPrivateRedis();
      await using clients = await startProxy(primary.url);
      await using replication = await startProxy(primary.url);
      await using stack = new AsyncDisposableStack();
      const bare = (url: string): Redis =>
        stack.adopt(new Redis(url, { protocol: 2 }), (client) => client.disconnect());
      const second = bare(replica.url);
      await bare(primary.url).config("SET", "repl-diskless-sync-delay", "0");
      await second.call("REPLICAOF", "127.0.0.1", new URL(replication.url).port);
      await eventually(() => isLinked(second));

      await using load = await startLoad({ url: clients.url, direct: replica.url, order: "none" });
      await load.goOn(100);
      // From now on the replica receives nothing, and its primary does not notice.
      replication.blackHole("toClient");
      const { acknowledged } = load;
      await eventually(() => load.acknowledged >= acknowledged + 200);
      await second.call("REPLICAOF", "NO", "ONE");
      clients.retarget(replica.url);
      await load.mayHaveLost();
      await load.goOn(200);
      await load.finishClean();
      const said = load.log.filter(
        ({ level, fields }) => level === "error" && fields["reason"] === "the server has gone back",
      );
      assert.ok(said.length > 0);
      assert.ok(
        load.log.some(({ level, text }) => level === "error" && text.includes("had acknowledged to this process")),
      );
    }
  },
  { timeoutMs: fullOr(240_000, 60_000) },
);

test("a producer says once for each partition what a failover has lost of it, although nobody had read that", async () => {
  await using primary = await startPrivateRedis();
  await using replica = await startPrivateRedis();
  await using clients = await startProxy(primary.url);
  await using replication = await startProxy(primary.url);
  await using o = await open({ url: clients.url, direct: primary.url, partitions: 2 });
  const channel = things("things");
  const second = new Redis(replica.url, { protocol: 2 });
  using _second = { [Symbol.dispose]: () => second.disconnect() };
  await o.client.config("SET", "repl-diskless-sync-delay", "0");
  await second.call("REPLICAOF", "127.0.0.1", new URL(replication.url).port);
  await eventually(() => isLinked(second));
  const keyOf = (i: number): string => `k${i % 7}`;
  const publishAll = (from: number): Promise<readonly Published[]> =>
    Promise.all(Array.from({ length: 100 }, (_, i) => o.backbone.publish(channel, { n: from + i, key: keyOf(i) })));
  const said = (): readonly unknown[] =>
    o.log.filter(({ text }) => text.startsWith("the server has gone back")).map(({ fields }) => fields);

  await publishAll(0);
  clients.cut(); // a lost connection alone is no loss
  await publishAll(100);
  assert.equal(said(), []);
  await eventually(async () => (await o.client.call("WAIT", 1, 1_000)) === 1);
  replication.blackHole("toClient");
  const lost = await publishAll(200);
  const newestOf = (partition: number): string | undefined =>
    lost.findLast((_, i) => partitionOf(keyOf(i), 2) === partition)?.entryId;
  await second.call("REPLICAOF", "NO", "ONE");
  clients.retarget(replica.url);
  await publishAll(300);
  await publishAll(400);
  assert.equal(
    said(),
    [0, 1].map((partition) => ({ partition, entryId: newestOf(partition) })),
  );
});

test("reads again what a lost reply had brought, also when the server is first a replica", async () => {
  await using redis = await startPrivateRedis();
  await using proxy = await startProxy(redis.url);
  await using o = await open({ url: proxy.url, direct: redis.url });
  const channel = things("things");
  const handled: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [on(channel, ({ payload }) => void handled.push(payload.n))], {
      takeoverAfterMs: 120_000,
    }),
  );
  await eventually(async () => /throughline:read:c .*flags=b/.test(String(await o.client.client("LIST"))));
  const swallowed = proxy.swallowReply(named("xread"));
  await o.write(channel, "payload", '{"n":0}'); // answers the read that waits already
  await eventually(() => handled.length === 1);
  await o.write(channel, "payload", '{"n":1}');
  await swallowed;
  proxy.refuse();
  // The server replies that it will accept commands later, as one about to be promoted or loading its log does.
  await o.client.call("REPLICAOF", "127.0.0.1", "1");
  proxy.heal();
  const questions = async (): Promise<number> =>
    Number(/cmdstat_hello:calls=(\d+)/.exec(await o.client.info("commandstats"))?.[1] ?? 0);
  const before = await questions();
  await eventually(async () => (await questions()) > before + 3);
  await o.client.call("REPLICAOF", "NO", "ONE");
  await o.write(channel, "payload", '{"n":2}');
  await eventually(() => handled.length === 3);
  assert.equal(handled, [0, 1, 2]);
  await component.whenIdle();
});

/** A primary that Sentinels name: found, followed when its replica is promoted, and said when there is none. */

import * as assert from "uvu/assert";
import { ConfigError, connectBackbone, on, openObserver, StoreError } from "../../src/index.ts";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type LogLine, memoryLog, open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { freshNamespace } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { startSentinels } from "../support/sentinels.ts";
import { test } from "../support/test.ts";

test(
  "finds the primary by its name, and goes on at the replica that is promoted in its place",
  async () => {
    await using sentinels = await startSentinels();
    const { urls, name, primary, replica } = sentinels;
    await using o = await open({ sentinel: { urls, name }, direct: replica.url });
    const source = things("source", { retry: soon });
    const handled: number[] = [];
    const component = o.backbone.component("c", [on(source, ({ payload }) => void handled.push(payload.n))], {
      takeoverAfterMs: 1_000,
    });
    await o.run(component);
    for (let n = 0; n < 50; n++) await o.backbone.publish(source, { n });
    await component.whenIdle();
    await eventually(async () => Number(await o.client.xlen(o.stream(source))) === 50);
    await primary.kill("SIGKILL");
    for (let n = 50; n < 100; n++) await o.backbone.publish(source, { n });
    await component.whenIdle();
    assert.equal(
      [...new Set(handled)].sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, n) => n),
    );
    assert.is(Number(await o.client.xlen(o.stream(source))), 100);
  },
  { timeoutMs: 120_000 },
);

test("a name that the Sentinels do not know is said, and waited for", async () => {
  await using sentinels = await startSentinels();
  const lines: LogLine[] = [];
  const options = { namespace: freshNamespace(), log: memoryLog(lines), connectTimeoutMs: 3_000 };
  await rejects(
    connectBackbone({ ...options, sentinel: { urls: sentinels.urls, name: "nobody" } }),
    StoreError,
    /no Redis at "nobody" of the Sentinels .*: no Sentinel names a primary "nobody": .* knows no such name/,
  );
  assert.ok(lines.some(({ level, fields }) => level === "warn" && /no Sentinel names/.test(String(fields["reason"]))));
});

test("an address of another kind than it is given as is refused with a sentence", async () => {
  await using cluster = await startPrivateCluster({ primaries: 3, replicas: 0 });
  await using sentinels = await startSentinels();
  await using server = await startPrivateRedis();
  const namespace = freshNamespace();
  const log = memoryLog([]);
  const [node = ""] = cluster.urls;
  const [sentinel = ""] = sentinels.urls;
  await rejects(connectBackbone({ url: node, namespace, log }), ConfigError, /a node of a cluster.*REDIS_CLUSTER/);
  await rejects(connectBackbone({ url: sentinel, namespace, log }), ConfigError, /a Sentinel.*REDIS_SENTINELS/);
  await rejects(connectBackbone({ cluster: [server.url], namespace, log }), ConfigError, /no node of a cluster/);
  await rejects(
    connectBackbone({ url: server.url, cluster: cluster.urls, namespace, log }),
    ConfigError,
    /both url and cluster/,
  );
  await using observer = openObserver({ url: node, namespace });
  await rejects(observer.status(), ConfigError, /a node of a cluster/);
});

/** What is beside the components works on a cluster: recordings, replays, tailing, duties, sources, maintenance, and users with few rights. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openOwner } from "../../src/composition/owner.ts";
import { ConfigError, connectBackbone, item, on, openObserver } from "../../src/index.ts";
import { type PrivateCluster, startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { aclRules } from "../../src/redis/acl/rules.ts";
import type { AclRole, AclScope } from "../../src/redis/acl/scope.ts";
import { importRecording, openRecording, record, replay } from "../../src/replay.ts";
import { memoryLog, open, things } from "../support/backbone.ts";
import { ClusterAdmin } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { freshNamespace } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const partitions = 5;
const orders = things("orders");
const fills = things("fills", { key: ({ n }) => `f${n}` });
const timeoutMs = 120_000;

test(
  "records, imports, replays, follows and reads settlements across the nodes",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    const { urls } = cluster;
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "throughline-cluster-"));
    stack.defer(() => rm(directory, { recursive: true }));
    const path = join(directory, "orders.ndjson");
    await using o = await open({ cluster: urls, partitions });
    const component = o.backbone.component("filler", [
      on(orders, async ({ payload }, { publish }) => void (await publish(fills, payload))),
    ]);
    await o.run(component);
    await using observer = openObserver({ cluster: urls, namespace: o.backbone.namespace });
    const following = new AbortController();
    const seen = (async () => {
      const found: number[] = [];
      for await (const { payload } of observer.read(fills, { follow: true, signal: following.signal, limit: 60 }))
        found.push(payload?.n ?? -1);
      return found;
    })();
    const all = Array.from({ length: 60 }, (_, n) => n);
    await Promise.all(all.map((n) => o.backbone.publish(orders, { n, key: `k${n}` })));
    await component.whenIdle();
    assert.equal(
      [...(await seen)].sort((a, b) => a - b),
      all,
    );
    assert.is((await record(observer, ["orders"], path)).entries, 60);
    let settled = 0;
    for await (const { calls } of o.backbone.readSettlements("filler")) settled += calls.length;
    assert.is(settled, 60);

    await using target = await open({ cluster: urls, partitions });
    const report = await importRecording(target.backbone, await openRecording(path), { speed: "max" });
    assert.is(report.entries, 60);
    assert.is(await target.length(orders), 60);

    const replayed = await replay({
      ...{ cluster: urls, sourceNamespace: o.backbone.namespace, channels: ["orders"], speed: "max" as const },
    });
    assert.equal([replayed.entries, replayed.appended, replayed.state], [60, 60, "done"]);
  },
  { timeoutMs },
);

test(
  "duties, sources and publishAll find their nodes, and another partition count is refused",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    await using o = await open({ cluster: cluster.urls, partitions });
    const begun = Promise.withResolvers<number>();
    await using _duty = o.backbone.exclusive("poll", async ({ fence }) => begun.resolve(fence.epoch));
    assert.ok((await begun.promise) > 0);

    // One run in all: its events go to every partition.
    await using _source = o.backbone.source(
      "feed",
      orders,
      async ({ position, append, signal }) => {
        for (let n = position === undefined ? 0 : Number(position) + 1; n < 40 && !signal.aborted; n++)
          await append([{ payload: { n, key: `k${n}` } }], String(n));
      },
      { runs: "single" },
    );
    await eventually(async () => (await o.length(orders)) === 40);
    const entries = await o.entries(orders);
    assert.is(new Set(entries.map(({ payload }) => payload.n)).size, 40);

    await o.backbone.publishAll([item(fills, { n: 1 }), item(fills, { n: 1 })]);
    assert.is(await o.length(fills), 2);
    const { namespace } = o.backbone;
    const options = { cluster: cluster.urls, namespace, partitions: partitions + 1, log: memoryLog([]) };
    await rejects(connectBackbone(options), ConfigError, /has 5 partitions, not 6/);
  },
  { timeoutMs },
);

test(
  "users with the rights of their roles and no more run a component whose outputs go to other nodes, and trim",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    using admin = new ClusterAdmin();
    const namespace = freshNamespace();
    const channels = ["orders", "fills"];
    const as = (name: string, roles: readonly AclRole[], scope: Partial<AclScope> = {}) =>
      user(cluster, admin, name, roles, { namespace, clustered: true, ...scope });
    const owner = await as("owner", ["owner"]);
    await using prepared = openOwner({ cluster: owner, namespace });
    assert.is(await prepared.prepare({ partitions, channels }), partitions);
    await using producing = await connectBackbone({
      ...{ cluster: await as("producer", ["producer"], { channels: ["orders"] }), namespace, log: memoryLog([]) },
    });
    const log = memoryLog([]);
    const kept = things("orders", { retention: { maxEntries: 5 } });
    await using o = await open({
      ...{ cluster: await as("filler", ["component"], { channels, component: "filler" }), namespace, log },
      maintenanceEveryMs: 200,
    });
    const component = o.backbone.component("filler", [
      on(kept, async ({ payload }, { publish }) => void (await publish(fills, payload))),
    ]);
    await o.run(component);
    await Promise.all(Array.from({ length: 60 }, (_, n) => producing.publish(kept, { n, key: `k${n}` })));
    await component.whenIdle();
    const bare = await open({ cluster: cluster.urls, namespace });
    await using _bare = bare;
    assert.is(await bare.length(fills), 60);
    await eventually(async () => (await bare.length(orders)) <= 5 * partitions);
    for (const node of cluster.nodes) {
      const denied = (await admin.client(node).call("ACL", "LOG")) as unknown[];
      assert.equal(denied, []);
    }
  },
  { timeoutMs },
);

/** The cluster's URLs with the login of a new user, who is on every node. */
async function user(
  cluster: PrivateCluster,
  admin: ClusterAdmin,
  name: string,
  roles: readonly AclRole[],
  scope: AclScope,
): Promise<readonly string[]> {
  const [reset = "", ...rules] = aclRules(roles, scope);
  for (const node of cluster.nodes) await admin.client(node).call("ACL", "SETUSER", name, reset, ">secret", ...rules);
  return cluster.urls.map((url) => url.replace("//", `//${name}:secret@`));
}

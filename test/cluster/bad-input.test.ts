/** What a cluster and its users get wrong is said with a sentence, and nothing is written or lost by it. */

import * as assert from "uvu/assert";
import { ChannelError, ConfigError, connectBackbone, item } from "../../src/index.ts";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { slotOf } from "../../src/redis/client/topology.ts";
import { memoryLog, open, things } from "../support/backbone.ts";
import { ClusterAdmin } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const partitions = 4;
const orders = things("orders");

test(
  "a publishAll over partitions, another count, another format, and slots of nobody",
  async () => {
    await using cluster = await startPrivateCluster({
      replicas: 0,
      settings: () => ["cluster-require-full-coverage no"],
    });
    using admin = new ClusterAdmin();
    await using o = await open({ cluster: cluster.urls, partitions, publishTimeoutMs: 60_000 });
    const keys = "abcdefgh".split("");
    const [key = ""] = keys;
    const other = keys.find((one) => partitionOf(one, partitions) !== partitionOf(key, partitions)) as string;
    await rejects(
      o.backbone.publishAll([item(orders, { n: 1, key }), item(orders, { n: 2, key: other })]),
      ChannelError,
      /partition/,
    );
    assert.is(await o.length(orders), 0);

    const { namespace } = o.backbone;
    await o.backbone.publish(orders, { n: 0, key });
    const options = { cluster: cluster.urls, namespace, log: memoryLog([]) };
    await rejects(connectBackbone({ ...options, partitions: partitions + 1 }), ConfigError, /has 4 partitions, not 5/);
    await o.client.hset(o.keys.meta(), "format", "99");
    await rejects(connectBackbone(options), ConfigError, /format version 99/);
    await o.client.hset(o.keys.meta(), "format", "2");

    // A slot that no node has any more: said, waited for, and used again once a node has it.
    const partition = partitionOf(key, partitions);
    const slot = slotOf(o.keys.tag(partition));
    for (const node of cluster.nodes)
      await admin
        .client(node)
        .call("CLUSTER", "DELSLOTS", slot)
        .catch(() => undefined);
    await eventually(async () => {
      const nodes = await admin.nodes(cluster.nodes[0] as { port: number });
      return nodes.every(({ slots }) => slots.every(([first, last]) => slot < first || last < slot));
    });
    const waiting = o.backbone.publish(orders, { n: 1, key });
    await o.backbone.publish(orders, { n: 2, key: other });
    await eventually(() =>
      o.log.some(({ level, text, fields }) => level === "warn" && /slot/.test(`${text} ${String(fields["reason"])}`)),
    );
    await admin.client(cluster.nodes[0] as { port: number }).call("CLUSTER", "ADDSLOTS", slot);
    await waiting;
    const there = (await o.entries(orders)).map(({ payload }) => payload.n);
    assert.equal(
      there.filter((n) => n > 0).sort((one, two) => one - two),
      [1, 2],
    );
  },
  { timeoutMs: 120_000 },
);

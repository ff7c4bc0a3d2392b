/** A node is away for good, and nobody takes its place: its partitions wait and go on when it is back; the others do not notice. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { open, soon, things } from "../support/backbone.ts";
import { ClusterAdmin, nodeAt } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

const partitions = 6;
const source = things("source", { retry: soon });

test(
  "slots that no node serves are said and waited for, and the partitions of other nodes go on meanwhile",
  async () => {
    await using cluster = await startPrivateCluster({
      replicas: 0,
      nodeTimeoutMs: 1_000,
      settings: () => ["cluster-require-full-coverage no"],
    });
    using admin = new ClusterAdmin();
    await using o = await open({ cluster: cluster.urls, partitions, publishTimeoutMs: 100_000 });
    const handled = new Map<number, number>();
    const component = o.backbone.component(
      "c",
      [on(source, ({ payload }) => void handled.set(payload.n, performance.now()))],
      { takeoverAfterMs: 1_000 },
    );
    await o.run(component);
    const portOf = async (partition: number): Promise<number> =>
      (await admin.primaryOf(o.keys.tag(partition), cluster.nodes[0] as { port: number })).port;
    const ports = await Promise.all(Array.from({ length: partitions }, (_, partition) => portOf(partition)));
    // Of the description, so that nothing but its own partitions needs it.
    const meta = await admin.primaryOf(o.keys.meta(), cluster.nodes[0] as { port: number });
    const away = ports.includes(meta.port) ? meta.port : (ports[0] as number);
    const near = Array.from({ length: 40 }, (_, i) => `k${i}`).filter(
      (key) => ports[partitionOf(key, partitions)] !== away,
    );
    const far = Array.from({ length: 40 }, (_, i) => `k${i}`).filter(
      (key) => ports[partitionOf(key, partitions)] === away,
    );
    assert.ok(near.length > 0 && far.length > 0);
    let n = 0;
    const publish = async (keys: readonly string[]): Promise<number> => {
      const [mine, sentAt] = [n++, performance.now()];
      await o.backbone.publish(source, { n: mine, key: keys[mine % keys.length] as string });
      await eventually(() => handled.has(mine), 20_000);
      return (handled.get(mine) as number) - sentAt;
    };
    const median = async (): Promise<number> => {
      const took: number[] = [];
      for (let i = 0; i < 60; i++) took.push(await publish(near));
      return took.sort((a, b) => a - b)[30] as number;
    };
    const before = await median();
    await nodeAt(cluster, away).kill("SIGKILL");
    const waiting = publish(far);
    const during = await median();
    assert.ok(
      during < 5 * before + 20,
      `${Math.round(before)} ms before, ${Math.round(during)} ms while a node was away`,
    );
    assert.ok(
      o.log.some(({ level, text }) => level === "warn" && /Redis is away|does not serve the slot/.test(text)),
      "nobody said that slots are not served",
    );
    await nodeAt(cluster, away).restart();
    await waiting;
    await component.whenIdle();
    assert.is(handled.size, n);
  },
  { timeoutMs: 120_000 },
);

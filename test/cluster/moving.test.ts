/** A slot moves, a primary dies: its partition goes on at the node that has it, and nothing happens twice. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { open, soon, type Thing, things } from "../support/backbone.ts";
import { ClusterAdmin, nodeAt } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

const partitions = 4;
const source = things("source", { retry: soon });
const copies = things("copies", { placement: "source" });

async function started(cluster: { readonly urls: readonly string[] }) {
  const o = await open({ cluster: cluster.urls, partitions });
  const component = o.backbone.component(
    "copier",
    [
      on(source, async ({ payload }, { publish, state }) => {
        const counts = state<number>("counts");
        counts.set("all", ((await counts.get("all")) ?? 0) + 1);
        await publish(copies, payload);
      }),
    ],
    { takeoverAfterMs: 1_000 },
  );
  await o.run(component);
  let n = 0;
  const sent: Promise<unknown>[] = [];
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      sent.push(o.backbone.publish(source, { n: n++, key: `k${n % 23}` }));
      if (n % 10 === 0) await new Promise((done) => setTimeout(done, 5));
    }
  })();
  const count = (): number => n;
  const finish = async (): Promise<readonly Thing[]> => {
    isOver = true;
    await loop;
    await Promise.all(sent);
    await component.whenIdle();
    return (await o.entries(copies)).map(({ payload }) => payload);
  };
  return { o, component, count, finish };
}

/** Each once, and in the order of its key. */
function checkCopies(found: readonly Thing[], count: number): void {
  const ns = found.map(({ n }) => n);
  assert.equal(new Set(ns).size, ns.length, "something is there twice");
  assert.is(ns.length, count);
}

test(
  "a slot that moves back and forth under load loses nothing and doubles nothing",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    using admin = new ClusterAdmin();
    const { o, count, finish } = await started(cluster);
    await using _o = o;
    for (let move = 0; move < 12; move++) {
      const before = count();
      await admin.move(o.keys.tag(move % partitions), cluster.nodes[move % 3] as { port: number });
      await eventually(() => count() > before + 100);
    }
    checkCopies(await finish(), count());
  },
  { timeoutMs: 120_000 },
);

test(
  "a primary dies under load, its replica is promoted, and its partitions go on there within seconds",
  async () => {
    await using cluster = await startPrivateCluster({ nodeTimeoutMs: 1_000 });
    using admin = new ClusterAdmin();
    const { o, count, finish } = await started(cluster);
    await using _o = o;
    await eventually(() => count() > 300);
    const key = o.keys.tag(0);
    const dying = await admin.primaryOf(key, cluster.nodes[0] as { port: number });
    const observer = cluster.nodes.find(({ port }) => port !== dying.port) as { port: number };
    await nodeAt(cluster, dying.port).kill("SIGKILL");
    await admin.whenPromoted(key, dying.port, observer);
    const promotedAt = performance.now();
    const ref = await o.backbone.publish(source, { n: -1, key: keyFor(0) });
    await o.backbone.health();
    const settled = performance.now();
    assert.ok(settled - promotedAt < 3_000, `published again after ${Math.round(settled - promotedAt)} ms`);
    assert.ok(ref.entryId !== "");
    await eventually(() => count() > 600);
    const found = (await finish()).filter(({ n }) => n >= 0);
    const ns = found.map(({ n }) => n);
    assert.equal(new Set(ns).size, ns.length, "something is there twice");
    // What asynchronous replication had not brought over is lost: at most what the dead primary took in its last moments.
    assert.ok(ns.length >= count() - 100, `${ns.length} of ${count()}`);
  },
  { timeoutMs: 120_000 },
);

/** A key of the partition. */
function keyFor(partition: number): string {
  for (let i = 0; ; i++) if (partitionOf(`x${i}`, partitions) === partition) return `x${i}`;
}

/** Outputs for partitions at other nodes: each arrives once and in order, whatever happens to owners, slots and nodes meanwhile. */

import * as assert from "uvu/assert";
import { connectBackbone, on } from "../../src/index.ts";
import { renderStatus } from "../../src/inspect/status/status-text.ts";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { memoryLog, type Opened, open, soon, type Thing, things } from "../support/backbone.ts";
import { ClusterAdmin, nodeAt } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

const partitions = 4;
const source = things("source", { retry: soon });
/** By keys of their own: three outputs in four are for another partition. */
const out = things("out", { key: ({ n }) => `out${n % 7}` });

function copier(backbone: Opened["backbone"]) {
  return backbone.component(
    "copier",
    [on(source, async ({ payload }, { publish }) => void (await publish(out, payload)))],
    { takeoverAfterMs: 1_000 },
  );
}

/** Each of `count` is there once; of one source key and one output key in the order of the publishes. */
async function check(o: Opened, count: number): Promise<void> {
  const found = (await o.entries(out)).map(({ payload }) => payload);
  const ns = found.map(({ n }) => n);
  assert.equal(new Set(ns).size, ns.length, "something is there twice");
  assert.equal(
    [...ns].sort((a, b) => a - b),
    Array.from({ length: count }, (_, n) => n),
  );
  const last = new Map<string, number>();
  for (const { n, key } of found) {
    const lane = `${key} ${n % 7}`;
    assert.ok((last.get(lane) ?? -1) < n, `${n} of ${lane} comes after ${last.get(lane)}`);
    last.set(lane, n);
  }
}

/** Publishes from `from` until `until` says so, and gives the number that comes next. */
async function publishWhile(o: Opened, from: number, isOn: (n: number) => boolean): Promise<number> {
  let n = from;
  const sent: Promise<unknown>[] = [];
  for (; isOn(n); n++) {
    const thing: Thing = { n, key: `k${n % 11}` };
    sent.push(o.backbone.publish(source, thing));
    if (n % 20 === 0) await new Promise((done) => setTimeout(done, 5));
  }
  await Promise.all(sent);
  return n;
}

test(
  "outputs for partitions at other nodes arrive once and in order, while owners die and slots move",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    using admin = new ClusterAdmin();
    await using o = await open({ cluster: cluster.urls, partitions });
    const first = copier(o.backbone);
    await o.run(first);
    let n = await publishWhile(o, 0, (i) => i < 300);
    await first.whenIdle();
    await check(o, n);

    // Members come and go; the last one drains what it has.
    for (let round = 0; round < 3; round++) {
      const namespace = o.backbone.namespace;
      await using other = await connectBackbone({ cluster: cluster.urls, namespace, log: memoryLog([]) });
      const member = copier(other);
      const running = member.run();
      await member.ready();
      let isOver = false;
      const publishing = publishWhile(o, n, () => !isOver);
      for (let move = 0; move < 4; move++)
        await admin.move(o.keys.tag(move % partitions), cluster.nodes[(move + round) % 3] as { port: number });
      isOver = true;
      n = await publishing;
      await other.close();
      await running;
    }
    await first.whenIdle();
    await check(o, n);
  },
  { timeoutMs: 120_000 },
);

test(
  "a node that is away holds up only what is for it, which arrives when it is back",
  async () => {
    await using cluster = await startPrivateCluster({
      replicas: 0,
      settings: () => ["cluster-require-full-coverage no"],
    });
    using admin = new ClusterAdmin();
    await using o = await open({ cluster: cluster.urls, partitions });
    const component = copier(o.backbone);
    await o.run(component);
    let n = await publishWhile(o, 0, (i) => i < 100);
    await component.whenIdle();
    const away = nodeAt(cluster, (await admin.primaryOf(o.keys.tag(0), cluster.nodes[0] as { port: number })).port);
    await away.kill("SIGSTOP");
    const publishing = publishWhile(o, n, (i) => i < 300);
    await eventually(() => o.log.some(({ text }) => text === "outputs for another node wait in the relay"));
    await away.kill("SIGCONT");
    n = await publishing;
    await component.whenIdle();
    await check(o, n);
  },
  { timeoutMs: 120_000 },
);

test(
  "the status tells what waits in a relay because the other channel is full, and for how long",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    await using o = await open({ cluster: cluster.urls, partitions });
    const full = things("full", { key: () => "out0", retention: { hardCap: 5, maxEntries: 5 } });
    const component = o.backbone.component("copier", [
      on(source, async ({ payload }, { publish }) => void (await publish(full, payload))),
    ]);
    await o.run(component);
    const there = partitionOf("out0", partitions);
    const key = "abcdefgh".split("").find((one) => partitionOf(one, partitions) === (there + 1) % partitions);
    const from = (there + 1) % partitions;
    const refs = await Promise.all(
      Array.from({ length: 12 }, (_, n) => o.backbone.publish(source, { n, key: key as string })),
    );
    for (const ref of refs) assert.is(await component.whenSettled(ref), "acked");
    await eventually(async () => (await o.length(full)) === 5);
    const relaysOf = async (partition: number) =>
      (await o.backbone.status()).components.find((one) => one.partition === partition)?.relays;
    // What has arrived leaves the relay a moment later.
    await eventually(async () => (await relaysOf(from))?.[0]?.outputs === 7);
    const [waiting] = (await relaysOf(from)) ?? [];
    assert.equal({ ...waiting, oldestMs: 0 }, { to: there, outputs: 7, exact: true, oldestMs: 0, channel: "full" });
    assert.equal(await relaysOf((there + 2) % partitions), []);
    await eventually(async () =>
      new RegExp(
        `^copier has outputs WAITING in the relay of partition ${from} for partition ${there}: 7 for \\S.*, the first for full\\.`,
        "m",
      ).test(renderStatus(await o.backbone.status())),
    );
    await o.client.xtrim(o.keys.stream(there, "full"), "MAXLEN", 0);
    await eventually(async () => (await o.length(full)) === 5);
    await o.client.xtrim(o.keys.stream(there, "full"), "MAXLEN", 0);
    await component.whenIdle();
    assert.is(await o.length(full), 2);
    assert.equal(await relaysOf(from), []);
  },
  { timeoutMs: 120_000 },
);

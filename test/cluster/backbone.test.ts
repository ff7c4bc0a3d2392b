/** A backbone on a cluster: partitions on three nodes, and everything of one server works. */

import * as assert from "uvu/assert";
import { on, openOperator } from "../../src/index.ts";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { slotOf } from "../../src/redis/client/topology.ts";
import { open, soon, things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

const partitions = 6;

test(
  "publishes, handles, retries, keeps state and dead-letters on partitions of three nodes",
  async () => {
    await using cluster = await startPrivateCluster();
    await using o = await open({ cluster: cluster.urls.slice(0, 2), partitions });
    const source = things("source", { retry: { ...soon, maxAttempts: 3 } });
    const copies = things("copies", { placement: "source" });
    const tried = new Map<number, number>();
    const component = o.backbone.component("copier", [
      on(source, async ({ payload }, { publish, state }) => {
        tried.set(payload.n, (tried.get(payload.n) ?? 0) + 1);
        if (payload.n % 10 === 3 && tried.get(payload.n) === 1) throw new Error("once");
        if (payload.n % 10 === 7) throw new Error("always");
        state<number>("last").set(payload.key ?? "", payload.n);
        await publish(copies, payload);
      }),
    ]);
    await o.run(component);
    const nodes = new Set(Array.from({ length: partitions }, (_, p) => Math.floor(slotOf(o.keys.tag(p)) / 5_462)));
    assert.ok(nodes.size > 1, "the partitions are on one node");
    const refs = await Promise.all(
      Array.from({ length: 100 }, (_, n) => o.backbone.publish(source, { n, key: `k${n % 20}` })),
    );
    const ends = await Promise.all(refs.map((ref) => component.whenSettled(ref)));
    assert.is(ends.filter((end) => end === "deadLettered").length, 10);
    await component.whenIdle();
    const copied = (await o.entries(copies)).map(({ payload }) => payload.n).sort((a, b) => a - b);
    assert.equal(
      copied,
      Array.from({ length: 100 }, (_, n) => n).filter((n) => n % 10 !== 7),
    );
    assert.is(await o.backbone.view<number>("copier", "last").get("k0"), 80);
    assert.is((await o.dead(source, "copier")).length, 10);

    const status = await o.backbone.status();
    assert.is(status.partitions, partitions);
    const read: number[] = [];
    for await (const { payload } of o.backbone.read(source)) read.push(payload?.n ?? -1);
    assert.is(read.length, 100);
    const story = await o.backbone.journey((refs[0] as { id: string }).id);
    assert.ok(story.events >= 2, JSON.stringify(story));

    await using operator = openOperator({ cluster: cluster.urls, namespace: o.backbone.namespace });
    const outcomes = await operator.deadLetters({ channel: "source", component: "copier" }).redrive();
    assert.is(outcomes.redriven, 10);
    await component.whenIdle();
    assert.is((await o.dead(source, "copier")).length, 10);
  },
  { timeoutMs: 120_000 },
);

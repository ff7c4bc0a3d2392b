/** How many partitions a namespace has, where outputs and state lie in them, and what is told of who owns which. */

import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import * as assert from "uvu/assert";
import { openOwner } from "../../src/composition/owner.ts";
import { ConfigError, on, PublishError } from "../../src/index.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { type Opened, type OpenOptions, open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const source = things("source");

/** The partitions in which a channel has entries, with their numbers. */
async function placed(o: Opened, channel: { readonly name: string }, partitions: number): Promise<readonly number[]> {
  const lengths = Array.from({ length: partitions }, (_, p) => o.client.xlen(o.keys.stream(p, channel.name)));
  return Promise.all(lengths);
}

test("a namespace that nothing has used gets one partition, or as many as are asked for where it is new", async () => {
  for (const [partitions, count] of [
    [undefined, "1"],
    [{ ifNew: 3 }, "3"],
    [2, "2"],
  ] as const) {
    await using o = await open(partitions === undefined ? {} : { partitions });
    await o.backbone.publish(source, { n: 0 });
    assert.is(await o.client.hget(o.keys.meta(), "partitions"), count);
    assert.is((await o.backbone.status()).partitions, Number(count));
  }
});

test("who connects without a count, or with one for a new namespace, takes the namespace's; another is refused", async () => {
  const namespace = freshNamespace();
  await using owner = openOwner({ url: redisUrl(), namespace });
  assert.is(await owner.prepare({ partitions: 4 }), 4);
  assert.is(await owner.prepare(), 4);
  for (const options of [{}, { partitions: { ifNew: 2 } }, { partitions: 4 }] satisfies readonly OpenOptions[]) {
    await using o = await open({ namespace, ...options });
    await o.backbone.publish(source, { n: 0, key: "a" });
    assert.is((await o.backbone.status()).partitions, 4);
  }
  await rejects(open({ namespace, partitions: 1 }), ConfigError, /has 4 partitions, not 1: .* or without one/);
  for (const partitions of [0, { ifNew: 0 }, { ifNew: 1.5 }, {}, { new: 4 }])
    await rejects(open({ namespace, partitions } as OpenOptions), ConfigError, /partitions is/);
});

test("a count that another process has decided meanwhile is told who asked for another one, and nothing is appended", async () => {
  await using o = await open({ partitions: 1 });
  await using owner = openOwner({ url: redisUrl(), namespace: o.backbone.namespace });
  await owner.prepare({ partitions: 4 });
  await rejects(o.backbone.publish(source, { n: 0 }), PublishError, /has 4 partitions, not 1: .* or without one/);
  assert.equal(await placed(o, source, 4), [0, 0, 0, 0]);
});

test("an output lies where its own key says, or with its source, and so does the state that is kept of it", async () => {
  const partitions = 4;
  await using o = await open({ partitions });
  const byKey = things("by-key");
  const bySource = things("by-source", { placement: "source" });
  const count = on(byKey, async (event, { state }) => {
    const counts = state<number>("counts");
    counts.set("all", ((await counts.get("all")) ?? 0) + 1);
    counts.set(event.key, ((await counts.get(event.key)) ?? 0) + 1);
  });
  const copier = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, { publish }) => {
        await publish(byKey, { n: payload.n, key: "same" });
        await publish(bySource, { n: payload.n, key: "same" });
      }),
    ]),
  );
  const counter = await o.run(o.backbone.component("counter", [count]));
  const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
  await Promise.all(keys.map((key, n) => o.backbone.publish(source, { n, key })));
  await copier.whenIdle();
  await counter.whenIdle();
  const sources = await placed(o, source, partitions);
  assert.ok(sources.every((length) => length > 0));
  assert.equal(await placed(o, bySource, partitions), sources);
  const home = partitionOf("same", partitions);
  assert.equal(
    await placed(o, byKey, partitions),
    sources.map((_, partition) => (partition === home ? 40 : 0)),
  );
  const view = o.backbone.view<number>("counter", "counts");
  assert.equal([await view.get("same"), await view.get("all"), await view.get("other")], [40, 40, undefined]);
  const listed: unknown[] = [];
  for await (const row of view.list()) listed.push(row);
  assert.equal(listed.sort(), [
    ["all", 40, home],
    ["same", 40, home],
  ]);
});

test("a key whose state lies in several partitions is viewed in its own first, and listed once for each", async () => {
  const partitions = 3;
  await using o = await open({ partitions });
  const component = await o.run(
    o.backbone.component("c", [
      on(source, async ({ payload: { n } }, { state }) => state<number>("s").set("shared", n)),
    ]),
  );
  const home = partitionOf("shared", partitions);
  const keyIn = (partition: number): string =>
    Array.from({ length: 99 }, (_, n) => `k${n}`).find((key) => partitionOf(key, partitions) === partition) ?? "";
  const view = o.backbone.view<number>("c", "s");
  for (const partition of [(home + 1) % 3, home]) {
    await o.backbone.publish(source, { n: partition, key: keyIn(partition) });
    await component.whenIdle();
    assert.is(await view.get("shared"), partition);
  }
  const listed: number[] = [];
  for await (const [, value, partition] of view.list()) {
    assert.is(value, partition);
    listed.push(partition);
  }
  assert.equal(listed.sort(), [home, (home + 1) % 3].sort());
});

test("with one partition a member says whether it is primary or stands by, and what to do about it", async () => {
  await using o = await open();
  const make = () => o.backbone.component("c", [on(source, () => undefined)]);
  const [first, second] = [await o.run(make()), await o.run(make())];
  const said = await eventually(() => {
    const lines = o.log.filter(({ text }) => text.includes("the namespace has one partition"));
    return lines.length === 2 && lines;
  });
  const [primary, standBy] = first.owned.length > 0 ? [first, second] : [second, first];
  assert.equal(
    said.map(({ level, fields, text }) => [level, fields["member"], text.split(":")[0]]).sort(),
    [
      ["info", primary.member, "primary"],
      ["info", standBy.member, "stands by"],
    ].sort(),
  );
  assert.ok(said.every(({ text }) => text.includes("in one with more, members share the work")));
  const { components, members } = await o.backbone.status();
  assert.equal([components[0]?.owner?.member, components[0]?.standBy], [primary.member, [standBy.member]]);
  assert.equal(
    members.map(({ member, live, owned, pid }) => [member, live, owned, pid]).sort(),
    [
      [primary.member, true, [0], process.pid],
      [standBy.member, true, [], process.pid],
    ].sort(),
  );
});

test("a component that no member serves has a lag series, reported by whoever lives", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  try {
    await using o = await open({ partitions: 2 });
    const gone = await o.run(o.backbone.component("gone", [on(source, () => undefined)]));
    await gone.drain();
    await o.run(o.backbone.component("lives", [on(source, () => undefined)]));
    for (let n = 0; n < 20; n++) await o.backbone.publish(source, { n, key: `k${n}` });
    const valuesOf = async (name: string): Promise<ReadonlyMap<string, number>> => {
      exporter.reset();
      await reader.forceFlush();
      const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      const points = all.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
      return new Map(
        points.map(({ attributes, value }) => [
          `${attributes["messaging.consumer.group.name"]} ${attributes["messaging.destination.partition.id"]}`,
          Number(value),
        ]),
      );
    };
    const lengths = await placed(o, source, 2);
    await eventually(async () => {
      const lag = await valuesOf("throughline.lag");
      return lag.get("gone 0") === lengths[0] && lag.get("gone 1") === lengths[1] && lag.get("lives 0") === 0;
    });
    const owned = await valuesOf("throughline.partition.owned");
    assert.equal([owned.get("lives 0"), owned.get("lives 1")], [1, 1]);
    const epochs = await valuesOf("throughline.partition.epoch");
    assert.is(epochs.get("gone 0"), 0);
    assert.ok((epochs.get("lives 1") ?? 0) > 1_700_000_000_000);
  } finally {
    metrics.disable();
    await reader.shutdown();
  }
});

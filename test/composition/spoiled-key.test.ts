/** What is told while the key of one channel is something else than a stream. */

import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import * as assert from "uvu/assert";
import { openOwner } from "../../src/composition/owner.ts";
import { on, StoreError } from "../../src/index.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const [well, spoiled] = [things("well"), things("spoiled")];
const noStream = "the channel's key is no stream";

test("a channel whose key is no stream is named by the status and one log line, and the others' gauges go on", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  try {
    await using o = await open({ partitions: 1, maintenanceEveryMs: 100 });
    const gone = await o.run(o.backbone.component("gone", [on(well, () => undefined), on(spoiled, () => undefined)]));
    await gone.drain();
    const reads = await o.run(o.backbone.component("reads", [on(spoiled, () => undefined)]));
    for (let n = 0; n < 3; n++) await o.backbone.publish(well, { n });
    await o.client.del(o.stream(spoiled));
    await o.client.set(o.stream(spoiled), "text");

    const told = () => o.log.filter(({ text }) => text.startsWith(noStream));
    const [alarm] = await eventually(() => told().length > 0 && told());
    assert.equal([alarm?.level, alarm?.fields["channel"], alarm?.fields["partition"]], ["error", "spoiled", 0]);
    assert.match(String(alarm?.fields["reason"]), o.stream(spoiled));
    const { channels } = await o.backbone.status();
    assert.equal(
      channels.map(({ channel, entries, refusal }) => [channel, entries, refusal === null]),
      [
        ["spoiled", 0, false],
        ["well", 3, true],
      ],
    );
    const gauge = async (name: string, component: string, channel?: string): Promise<unknown> => {
      exporter.reset();
      await reader.forceFlush();
      const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      return all
        .find(({ descriptor }) => descriptor.name === name)
        ?.dataPoints.find(
          ({ attributes: of }) =>
            of["messaging.consumer.group.name"] === component &&
            (channel === undefined || of["messaging.destination.name"] === channel),
        )?.value;
    };
    assert.is(await gauge("throughline.lag", "gone", "well"), 3);
    await eventually(async () => (await gauge("throughline.unready", "reads")) === 1);
    await eventually(() => reads.health.reason?.includes("WRONGTYPE"));
    await using owner = openOwner({ url: redisUrl(), namespace: o.backbone.namespace });
    await rejects(owner.retire("gone"), StoreError, /WRONGTYPE.*Nothing was removed/);
    assert.is(told().length, 1, "it is said once");

    await o.client.del(o.stream(spoiled));
    await o.backbone.publish(spoiled, { n: 0 });
    await reads.whenIdle();
    assert.ok((await o.backbone.status()).channels.every(({ refusal }) => refusal === null));
    await o.client.set(o.stream(spoiled), "text again");
    await eventually(() => told().length === 2);
  } finally {
    metrics.disable();
    await reader.shutdown();
  }
});

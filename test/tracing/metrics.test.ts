/** The backbone's measurements; a meter provider may come late, and a gauge may fail. */

import { metrics } from "@opentelemetry/api";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { Rig } from "./recorded.ts";

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}

  /** Name → the sum of its values, or the number of what was recorded. */
  async read(): Promise<Record<string, number>> {
    const { resourceMetrics } = await this.collect();
    const points = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return Object.fromEntries(
      points.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.reduce((sum, { value }) => sum + (typeof value === "number" ? value : (value.count ?? 0)), 0),
      ]),
    );
  }
}

function register(): Reader {
  const reader = new Reader();
  metrics.disable();
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  return reader;
}

const counts = { lagEntries: 7, lagMs: 1_500, pending: 3, parked: 2, deadLetters: 1 };
const group = { channel: "orders", component: "c", partition: 0, ...counts };
const relay = { component: "c", partition: 0, outputs: 6, oldestMs: 2_500 };
const gauges = { groups: [group], relays: [relay], epochs: [{ component: "c", partition: 0, epoch: 9 }] };

test("each outcome is counted once for each event, also without a tracer", async () => {
  const reader = register();
  const rig = new Rig();
  const entries = [rig.published("a"), rig.published("b")];
  rig.process(entries, { claimed: true }).settled("acked");
  rig.process(entries.slice(0, 1)).settled("retried", new Error("x"));
  rig.process(entries.slice(0, 1)).settled("deadLettered", new Error("x"));
  rig.process(entries).settled("fenced");
  rig.tracing.lost("orders", "c", 4);
  rig.tracing.trimmed("orders", 5);
  rig.tracing.send(rig.sending()).failed(new Error("x"));
  const { "messaging.process.duration": attempts, ...read } = await reader.read();
  assert.is(attempts, 4);
  assert.equal(read, {
    "messaging.client.operation.duration": 3,
    "messaging.client.sent.messages": 3,
    "messaging.client.consumed.messages": 6,
    "throughline.queue.time": 6,
    "throughline.critical.time": 2,
    "throughline.claimed": 2,
    "throughline.retried": 1,
    "throughline.dead_lettered": 1,
    "throughline.fenced": 2,
    "throughline.lost": 4,
    "throughline.trimmed": 5,
  });
});

test("a publish that fails counts as sent, under its error's type, of which there are no more than a thousand", async () => {
  const reader = register();
  const rig = new Rig();
  rig.published("a");
  for (let n = 0; n < 1_500; n++)
    rig.tracing.send(rig.sending()).failed(Object.assign(new Error("x"), { code: `E${n}` }));
  const { resourceMetrics } = await reader.collect();
  const points = resourceMetrics.scopeMetrics
    .flatMap((scope) => scope.metrics)
    .find(({ descriptor }) => descriptor.name === "messaging.client.sent.messages")?.dataPoints;
  const counts = new Map(points?.map(({ attributes, value }) => [attributes["error.type"], value]));
  assert.equal(
    [counts.get(undefined), counts.get("E0"), counts.get("E999"), counts.get("E1000")],
    [1, 1, 1, undefined],
  );
  assert.equal([counts.get("_OTHER"), counts.size], [500, 1_002]);
});

test("what is left out of baggage is counted by channel and reason, and never by key", async () => {
  const reader = register();
  const rig = new Rig();
  for (let n = 0; n < 3; n++)
    rig.tracing.send(rig.sending({ baggage: { secret: "s" }, correlation: { long: "x".repeat(129) } }));
  const { resourceMetrics } = await reader.collect();
  const points: unknown[] = [];
  for (const { descriptor, dataPoints } of resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
    if (descriptor.name !== "throughline.baggage.left_out") continue;
    for (const { attributes, value } of dataPoints) points.push([attributes, value]);
  }
  assert.equal(
    points,
    ["not-allowed", "value"].map((reason) => [
      { "messaging.destination.name": "orders", "throughline.baggage.reason": reason },
      3,
    ]),
  );
  assert.is(rig.warnings.length, 2, "each key is named once");
});

test("the backbones of one process count together", async () => {
  const reader = register();
  const [one, other] = [new Rig(), new Rig()];
  for (let n = 0; n < 3; n++) one.process([one.published("a")]).settled("acked");
  for (let n = 0; n < 5; n++) other.process([other.published("b")]).settled("acked");
  for (let collections = 0; collections < 2; collections++) {
    const {
      "messaging.client.sent.messages": sent,
      "messaging.client.consumed.messages": consumed,
      "throughline.critical.time": settled,
    } = await reader.read();
    assert.equal([sent, consumed, settled], [8, 8, 8]);
  }
});

test("gauges are read at each collection, from a provider that came after them, until they are removed", async () => {
  metrics.disable();
  const rig = new Rig();
  let reads = 0;
  const stop = rig.tracing.observe(async () => {
    reads += 1;
    return gauges;
  });
  const reader = register();
  rig.published("e");
  const {
    "throughline.lag": lag,
    "throughline.lag.time": time,
    "throughline.dead_letters": dead,
    "throughline.partition.epoch": epoch,
    "throughline.relay.outputs": relayed,
    "throughline.relay.time": relayTime,
  } = await reader.read();
  assert.equal([lag, time, dead, epoch, relayed, relayTime], [7, 1.5, 1, 9, 6, 2.5]);
  stop();
  await reader.read();
  assert.is(reads, 1);
});

test("a component that another process reports again is 0 here, and not what it was", async () => {
  const reader = register();
  const rig = new Rig();
  let read = gauges;
  rig.tracing.observe(async () => read);
  assert.equal((await reader.read())["throughline.lag"], 7);
  read = { groups: [], relays: [], epochs: [] };
  for (let collections = 0; collections < 2; collections++) {
    const {
      "throughline.lag": lag,
      "throughline.lag.time": time,
      "throughline.partition.epoch": epoch,
    } = await reader.read();
    assert.equal([lag, time, epoch], [0, 0, 0]);
  }
  read = gauges;
  assert.equal((await reader.read())["throughline.lag"], 7);
});

test("a component that cannot work is unready until it can, or has ended", async () => {
  const reader = register();
  const rig = new Rig();
  let isReady = false;
  const stop = rig.tracing.observeReadiness(() => [{ component: "c", isReady }]);
  rig.tracing.observeReadiness(() => [{ component: "c", isReady: true }]);
  const unready = async () => (await reader.read())["throughline.unready"];
  assert.is(await unready(), 1, "of two members in a process one that cannot is enough");
  isReady = true;
  assert.is(await unready(), 0);
  isReady = false;
  assert.is(await unready(), 1);
  stop();
  assert.is(await unready(), 0);
});

test("takeovers are counted, and refused settlements each time that they are tried", async () => {
  const reader = register();
  const rig = new Rig();
  rig.tracing.tookOver("c", 1);
  for (let tries = 0; tries < 3; tries++) rig.tracing.refused("c", 1, 2);
  const read = await reader.read();
  assert.equal([read["throughline.partition.takeovers"], read["throughline.settlements.refused"]], [1, 6]);
});

test("a gauge that cannot be read is logged once and leaves the others", async () => {
  const reader = register();
  const rig = new Rig();
  rig.tracing.observe(() => Promise.reject(new Error("no Redis")));
  rig.tracing.observe(async () => gauges);
  assert.is((await reader.read())["throughline.pending"], 3);
  assert.is((await reader.read())["throughline.pending"], 3);
  assert.is(rig.warnings.length, 1);
});

test("a partition is owned once by a process, whichever of its members has it, and the gauge needs no Redis", async () => {
  const reader = register();
  const rig = new Rig();
  const of = (component: string, partition: number, isOwned: boolean) => ({ component, partition, isOwned });
  const stops = [
    rig.tracing.observeOwned(() => [of("c", 0, true), of("c", 1, false)]),
    rig.tracing.observeOwned(() => [of("c", 0, false), of("c", 1, false), of("d", 0, true)]),
  ];
  const { resourceMetrics } = await reader.collect();
  const points = resourceMetrics.scopeMetrics
    .flatMap((scope) => scope.metrics)
    .find(({ descriptor }) => descriptor.name === "throughline.partition.owned")?.dataPoints;
  assert.equal(
    points?.map(({ attributes, value }) => [
      attributes["messaging.consumer.group.name"],
      attributes["messaging.destination.partition.id"],
      value,
    ]),
    [
      ["c", "0", 1],
      ["c", "1", 0],
      ["d", "0", 1],
    ],
  );
  for (const stop of stops) stop();
  assert.is((await reader.read())["throughline.partition.owned"], 0);
});

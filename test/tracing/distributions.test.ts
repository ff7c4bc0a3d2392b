/** The backbone's measurements, as a reader set up by the process receives them. */

import { type Attributes, metrics } from "@opentelemetry/api";
import { DataPointType, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import * as assert from "uvu/assert";
import type { Processing } from "../../src/ports/tracing.ts";
import {
  type Distribution,
  type DistributionOptions,
  type DistributionSource,
  provideDistributions,
} from "../../src/tracing/distributions.ts";
import { Meters } from "../../src/tracing/metrics.ts";
import { things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

interface Value {
  readonly name: string;
  readonly value: number;
  readonly dimensions: Attributes;
}

class Notebook implements DistributionSource {
  readonly asked: DistributionOptions[] = [];
  readonly values: Value[] = [];

  distribution(options: DistributionOptions): Distribution {
    this.asked.push(options);
    return { record: (value, dimensions) => void this.values.push({ name: options.name, value, dimensions }) };
  }

  of(name: string): readonly Value[] {
    return this.values.filter((value) => value.name === name);
  }
}

function register(): Reader {
  const reader = new Reader();
  metrics.disable();
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  return reader;
}

function provide(): Notebook {
  register();
  const notebook = new Notebook();
  provideDistributions(metrics.getMeterProvider(), notebook);
  return notebook;
}

/** At entries that have waited so long, and are as old, at the time 0. */
function attempt(agesMs: readonly number[], claimed = false): Processing {
  const entries = agesMs.map((ms) => ({
    entryId: `${-ms}-0`,
    eventId: "e",
    carrier: { traceparent: "", tracestate: "", baggage: "" },
    causes: [],
    correlation: {},
    time: -ms,
  }));
  return { channel: things("orders"), component: "algorithm", member: "m", partition: 0, entries, attempt: 1, claimed };
}

test("all four distributions are asked for once, with ascending buckets, however many backbones there are", () => {
  const notebook = provide();
  for (const meters of [new Meters(), new Meters()]) meters.sent("orders", performance.now(), undefined, "");
  assert.equal(
    notebook.asked.map(({ name, unit }) => [name, unit]),
    [
      ["messaging.client.operation.duration", "s"],
      ["messaging.process.duration", "s"],
      ["throughline.queue.time", "s"],
      ["throughline.critical.time", "s"],
    ],
  );
  for (const { buckets } of notebook.asked)
    assert.equal(
      buckets,
      [...new Set(buckets)].sort((a, b) => a - b),
    );
});

test("the same dimensions are the same object, also with an error, and for every backbone", () => {
  const notebook = provide();
  for (const meters of [new Meters(), new Meters()]) {
    for (let times = 0; times < 2; times++) {
      meters.sent("orders", performance.now(), undefined, "");
      meters.sent("orders", performance.now(), new Error("x"), "ECONNREFUSED");
      meters.started(attempt([5]), 0);
      meters.settled(attempt([5]), performance.now(), 0, "acked", undefined);
      meters.settled(attempt([5]), performance.now(), 0, "retried", "TypeError");
      meters.settled(attempt([5, 6]), performance.now(), 0, "deadLettered", "TypeError");
    }
  }
  const sent = {
    "messaging.system": "redis",
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
    "messaging.destination.name": "orders",
  };
  const handled = {
    ...sent,
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.consumer.group.name": "algorithm",
  };
  assert.equal(
    [...new Set(notebook.values.map(({ dimensions }) => dimensions))],
    [sent, { ...sent, "error.type": "ECONNREFUSED" }, handled, { ...handled, "error.type": "TypeError" }],
  );
});

test("error types beyond a thousand count under the conventions' name for others", () => {
  const notebook = provide();
  const meters = new Meters();
  const types = Array.from({ length: 1_200 }, (_, n) => `E${n}`);
  for (const type of types) meters.settled(attempt([5]), performance.now(), 0, "retried", type);
  assert.equal(
    notebook.of("messaging.process.duration").map(({ dimensions }) => dimensions["error.type"]),
    types.map((type, n) => (n < 1_000 ? type : "_OTHER")),
  );
});

test("invalid times are left out, and times in the future count as now", () => {
  const notebook = provide();
  const meters = new Meters();
  meters.started(attempt([Number.NaN, -2_000, 1_500]), 0);
  meters.started(attempt([Number.NaN]), 0);
  meters.started(attempt([-2_000]), 0);
  meters.settled(attempt([Number.NaN, 250]), performance.now() + 60_000, 0, "acked", undefined);
  meters.settled(attempt([Number.NaN]), performance.now(), 0, "acked", undefined);
  const values = (name: string) => notebook.of(name).map(({ value }) => value);
  assert.equal(values("throughline.queue.time"), [0, 1.5, 0]);
  assert.equal(values("throughline.critical.time"), [0.25]);
  assert.is(values("messaging.process.duration")[0], 0);
});

test("every event of a batch counts, under each outcome", async () => {
  const reader = register();
  const meters = new Meters();
  meters.started(attempt([5, 6, 7], true), 0);
  for (const outcome of ["acked", "retried", "deadLettered", "fenced"] as const)
    meters.settled(attempt([5, 6, 7]), performance.now(), 0, outcome, undefined);
  const { resourceMetrics } = await reader.collect();
  const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  const counts = all.map(({ descriptor, dataPoints: [point], dataPointType }) => [
    descriptor.name,
    dataPointType === DataPointType.HISTOGRAM && typeof point?.value === "object" ? point.value.count : point?.value,
  ]);
  assert.equal(Object.fromEntries(counts), {
    "messaging.client.consumed.messages": 3,
    "messaging.process.duration": 4,
    "throughline.queue.time": 3,
    "throughline.critical.time": 3,
    "throughline.retried": 3,
    "throughline.dead_lettered": 3,
    "throughline.claimed": 3,
    "throughline.fenced": 3,
  });
});

/** What the backbone measures, as it comes to what a process's set-up has provided for it. */

import { type Attributes, metrics } from "@opentelemetry/api";
import { DataPointType, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import * as assert from "uvu/assert";
import {
  type Distribution,
  type DistributionOptions,
  type DistributionSource,
  provideDistributions,
} from "../../src/tracing/distributions.ts";
import { Meters } from "../../src/tracing/metrics.ts";
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

const attempt = { channel: "orders", component: "algorithm" };

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
      meters.startedOne(attempt, 5, false);
      meters.started({ ...attempt }, [5], false);
      meters.settledOne(attempt, performance.now(), 5, "acked", undefined);
      meters.settledOne(attempt, performance.now(), 5, "retried", "TypeError");
      meters.settled({ ...attempt }, performance.now(), [5], "deadLettered", "TypeError");
    }
  }
  const sent = {
    "messaging.system": "redis",
    "messaging.operation.name": "send",
    "messaging.destination.name": "orders",
  };
  const handled = {
    ...sent,
    "messaging.operation.name": "process",
    "messaging.consumer.group.name": "algorithm",
  };
  assert.equal(
    [...new Set(notebook.values.map(({ dimensions }) => dimensions))],
    [sent, { ...sent, "error.type": "ECONNREFUSED" }, handled, { ...handled, "error.type": "TypeError" }],
  );
});

test("more error types than are kept still count under their names", () => {
  const notebook = provide();
  const meters = new Meters();
  const types = Array.from({ length: 1_200 }, (_, n) => `E${n}`);
  for (const type of types) meters.settledOne(attempt, performance.now(), 5, "retried", type);
  assert.equal(
    notebook.of("messaging.process.duration").map(({ dimensions }) => dimensions["error.type"]),
    types,
  );
});

test("times that are none are left out, and ones that are yet to come count as now", () => {
  const notebook = provide();
  const meters = new Meters();
  meters.started(attempt, [Number.NaN, -2_000, 1_500], false);
  meters.startedOne(attempt, Number.NaN, false);
  meters.startedOne(attempt, -2_000, false);
  meters.settled(attempt, performance.now() + 60_000, [Number.NaN, 250], "acked", undefined);
  meters.settledOne(attempt, performance.now(), Number.NaN, "acked", undefined);
  const values = (name: string) => notebook.of(name).map(({ value }) => value);
  assert.equal(values("throughline.queue.time"), [0, 1.5, 0]);
  assert.equal(values("throughline.critical.time"), [0.25]);
  assert.is(values("messaging.process.duration")[0], 0);
});

test("single events count as events of batches do", async () => {
  const told = async (tell: (meters: Meters) => void) => {
    const reader = register();
    tell(new Meters());
    const { resourceMetrics } = await reader.collect();
    const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return all.map(({ descriptor, dataPoints, dataPointType }) => [
      descriptor.name,
      dataPoints.map(({ attributes, value }) => [
        attributes,
        dataPointType === DataPointType.HISTOGRAM && typeof value !== "number" ? value.count : value,
      ]),
    ]);
  };
  const outcomes = ["acked", "retried", "deadLettered", "fenced"] as const;
  const many = await told((meters) => {
    meters.started(attempt, [5], true);
    for (const outcome of outcomes) meters.settled(attempt, performance.now(), [7], outcome, undefined);
  });
  const one = await told((meters) => {
    meters.startedOne(attempt, 5, true);
    for (const outcome of outcomes) meters.settledOne(attempt, performance.now(), 7, outcome, undefined);
  });
  assert.is(many.length, 8);
  assert.equal(one, many);
});

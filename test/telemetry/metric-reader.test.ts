/** The reader of the backbone's own distributions: the cases in which it is used, and the values that a Collector gets from it. */

import { context, type Histogram, metrics, propagation, trace } from "@opentelemetry/api";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import * as assert from "uvu/assert";
import type { Log } from "../../src/ports/log.ts";
import { OwnDistributions } from "../../src/telemetry/metrics/distributions.ts";
import { type OwnMetrics, ownMetricsOf } from "../../src/telemetry/metrics/metric-reader.ts";
import { readSettings } from "../../src/telemetry/setup/settings.ts";
import { startTelemetry } from "../../src/telemetry.ts";
import { type Distribution, type DistributionSource, distributionsOf } from "../../src/tracing/distributions.ts";
import { test } from "../support/test.ts";
import { Collector } from "./collector.ts";
import { startEmitter } from "./emitter.ts";
import type { WireMetric } from "./otlp.ts";

const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

/** Sets the process's variables until the end of `run`. */
async function withEnv(env: Readonly<Record<string, string>>, run: () => void | Promise<void>): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    await run();
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    for (const api of [trace, metrics, context, propagation]) api.disable();
  }
}

function logTo(warnings: string[]): Log {
  return { debug() {}, info() {}, warn: (_, text) => void warnings.push(text), error() {} };
}

function ownMetrics(
  env: Readonly<Record<string, string | undefined>>,
  warnings: string[] = [],
  scrape = false,
): OwnMetrics | undefined {
  const settings = readSettings(env);
  if (typeof settings === "string") throw new Error(`nothing is exported: ${settings}`);
  return ownMetricsOf({ settings, log: logTo(warnings), shutdownTimeoutMs: 5_000, scrape });
}

/** A provider that the reader is registered with, as the SDK's start does it. */
function startOwnMetrics(): MeterProvider {
  const own = ownMetrics(process.env);
  if (own === undefined) throw new Error("the metrics are the SDK's");
  const provider = new MeterProvider({ readers: [...own.readers] });
  metrics.setGlobalMeterProvider(provider);
  own.provide();
  return provider;
}

function sourceOf(provider: ReturnType<typeof metrics.getMeterProvider>): DistributionSource {
  return distributionsOf(provider, provider.getMeter("throughline"));
}

interface Both {
  readonly ours: Distribution;
  readonly theirs: Histogram;
}

function both(provider: MeterProvider): Both {
  return {
    ours: sourceOf(provider).distribution({ name: "ours", description: "Seconds.", unit: "s", buckets }),
    theirs: provider.getMeter("throughline").createHistogram("theirs", {
      description: "Seconds.",
      unit: "s",
      advice: { explicitBucketBoundaries: buckets },
    }),
  };
}

/** Removes the fields that have to differ. */
function comparable({ name: _, points, ...metric }: WireMetric) {
  return {
    ...metric,
    points: points.map(({ spread, ...point }) => {
      if (spread === undefined) throw new Error("a point is of no histogram");
      const { startNs: _start, endNs: _end, ...shape } = spread;
      return { ...point, ...shape };
    }),
  };
}

const dimensions = { "messaging.system": "redis", "messaging.destination.name": "orders" };
const failed = { ...dimensions, "error.type": "ECONNREFUSED" };
/** For each collection: what is recorded before it. Their sums are exact in whatever order they are added. */
const recorded = [
  [
    { value: 0.5, dimensions }, // on a boundary
    { value: 0.375, dimensions },
    { value: 4_096, dimensions }, // beyond the last
    { value: 0, dimensions: failed },
  ],
  [{ value: 0.015625, dimensions: { ...dimensions } }],
  [
    { value: 2, dimensions: failed },
    { value: 2, dimensions },
  ],
];

for (const [preference, temporality] of [
  ["cumulative", "CUMULATIVE"],
  ["delta", "DELTA"],
  ["lowmemory", "DELTA"],
] as const) {
  test(`a Collector gets the same of ours as of the SDK's histograms with the preference ${preference}`, async () => {
    await using collector = await Collector.start();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: preference,
    };
    await withEnv(env, async () => {
      const provider = startOwnMetrics();
      const { ours, theirs } = both(provider);
      for (const values of recorded) {
        for (const { value, dimensions: under } of values) {
          ours.record(value, under);
          theirs.record(value, under);
        }
        await provider.forceFlush();
      }
      await collector.until((c) => c.metrics.length === 2 * recorded.length);
      const named = (name: string) => collector.metrics.filter((metric) => metric.name === name);
      assert.equal(named("ours").map(comparable), named("theirs").map(comparable));
      assert.equal([...new Set(named("ours").map((metric) => metric.temporality))], [temporality]);

      const withoutError = ({ points }: WireMetric) => points.find(({ attributes }) => !("error.type" in attributes));
      const times = named("ours").map((metric) => withoutError(metric)?.spread);
      for (const [n, time] of times.entries()) {
        if (time === undefined) throw new Error("a time is missing");
        assert.ok(BigInt(time.startNs) <= BigInt(time.endNs));
        const before = times[n - 1];
        if (before !== undefined) {
          assert.is(time.startNs, temporality === "DELTA" ? before.endNs : before.startNs);
        }
      }
      await provider.shutdown();
    });
  });
}

test("values are sent at OTEL_METRIC_EXPORT_INTERVAL, without being asked for", async () => {
  await using collector = await Collector.start();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_METRIC_EXPORT_INTERVAL: "25" };
  await withEnv(env, async () => {
    const provider = startOwnMetrics();
    both(provider).ours.record(1, dimensions);
    await collector.until((c) => c.metrics.length >= 3);
    await provider.shutdown();
  });
});

test("Throughline's reader serves OTLP over gRPC alone; otherwise metrics are left to the SDK", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317" };
  for (const env of [
    endpoint,
    { OTEL_METRICS_EXPORTER: "otlp" },
    { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "grpc" },
  ]) {
    assert.is.not(ownMetrics(env), undefined, JSON.stringify(env));
  }
  for (const env of [
    { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" },
    { ...endpoint, OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json" },
    { ...endpoint, OTEL_METRICS_EXPORTER: "otlp,console" },
    { ...endpoint, OTEL_METRICS_EXPORTER: "prometheus" },
    { ...endpoint, OTEL_METRICS_EXPORTER: "none" },
    { ...endpoint, OTEL_CONFIG_FILE: "otel.yaml" },
  ]) {
    assert.is(ownMetrics(env), undefined, JSON.stringify(env));
  }
});

test("Prometheus is answered by a server of the process's own, unless a variable or another exporter leaves that to the SDK", async () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317" };
  const asked = (env: Readonly<Record<string, string>>) => ownMetrics(env, [], true);
  for (const exporters of ["prometheus", "otlp,prometheus"]) {
    const own = asked({ ...endpoint, OTEL_METRICS_EXPORTER: exporters });
    assert.is.not(own?.scrape, undefined, exporters);
    for (const reader of own?.readers ?? []) await reader.shutdown();
  }
  assert.is(asked(endpoint)?.scrape, undefined);
  assert.is(asked({ ...endpoint, OTEL_METRICS_EXPORTER: "console,prometheus" }), undefined);
  const byHttp = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", OTEL_METRICS_EXPORTER: "otlp,prometheus" };
  assert.is(asked({ ...endpoint, ...byHttp }), undefined);
  await withEnv({ OTEL_EXPORTER_PROMETHEUS_PORT: "9464" }, () => {
    assert.is(asked({ ...endpoint, OTEL_METRICS_EXPORTER: "prometheus" }), undefined);
  });
});

test("a started process counts by itself where metrics go out over gRPC, and its counts arrive", async () => {
  await using collector = await Collector.start();
  await withEnv({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }, async () => {
    const telemetry = await startTelemetry({ serviceName: "test" });
    assert.instance(sourceOf(metrics.getMeterProvider()), OwnDistributions);
    await telemetry.shutdown();
  });
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta",
  };
  await using emitter = await startEmitter(env);
  const attempts = () =>
    collector.metrics
      .filter(({ name }) => name === "messaging.process.duration")
      .flatMap(({ points }) => points)
      .reduce((sum, { count }) => sum + count, 0);
  await emitter.tell("events 7");
  await emitter.tell("stop");
  await collector.until(() => attempts() === 7);
});

test("where another SDK was registered first, values go to its histograms", async () => {
  const reader = new Reader();
  const first = new MeterProvider({ readers: [reader] });
  await withEnv({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" }, async () => {
    metrics.setGlobalMeterProvider(first);
    const second = startOwnMetrics();
    sourceOf(metrics.getMeterProvider())
      .distribution({ name: "ours", description: "", unit: "s", buckets })
      .record(1, dimensions);
    const { resourceMetrics } = await reader.collect();
    assert.is(resourceMetrics.scopeMetrics[0]?.metrics[0]?.descriptor.name, "ours");
    await second.shutdown();
  });
});

test("invalid settings are named in the log, and their defaults hold", async () => {
  const warnings: string[] = [];
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "sideways",
    OTEL_METRIC_EXPORT_INTERVAL: "-5",
    OTEL_METRIC_EXPORT_TIMEOUT: "soon",
  };
  await withEnv(env, () => void ownMetrics(process.env, warnings));
  await withEnv({ ...env, OTEL_METRIC_EXPORT_INTERVAL: "10", OTEL_METRIC_EXPORT_TIMEOUT: "20" }, () => {
    ownMetrics(process.env, warnings);
  });
  for (const name of ["TEMPORALITY_PREFERENCE", "INTERVAL (10)", "INTERVAL is -5", "TIMEOUT (20)", "'soon'"]) {
    assert.ok(
      warnings.some((text) => text.includes(name)),
      `${name} is not in ${warnings.join("; ")}`,
    );
  }
});

/** Our own distributions, collected beside histograms of the SDK that were given the same values. */

import type { Attributes, Histogram as SdkHistogram } from "@opentelemetry/api";
import {
  AggregationTemporality,
  DataPointType,
  type HistogramMetricData,
  MeterProvider,
  type MetricData,
  MetricReader,
} from "@opentelemetry/sdk-metrics";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { OwnDistributions } from "../../src/telemetry/metrics/distributions.ts";
import type { Distribution } from "../../src/tracing/distributions.ts";
import { test } from "../support/test.ts";

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

const about = { name: "throughline.queue.time", description: "From append to the start.", unit: "s" };
/** Their sums are exact in whatever order they are added. */
const buckets = [0.25, 0.5, 1, 2, 4];

interface Both {
  readonly ours: Distribution;
  readonly theirs: SdkHistogram;
  /** The values that a reader gets of each; undefined: none. */
  collect(): Promise<{ readonly ours: MetricData | undefined; readonly theirs: MetricData | undefined }>;
}

function both(temporality: AggregationTemporality): Both {
  const own = new OwnDistributions(temporality);
  const reader = new Reader({ aggregationTemporalitySelector: () => temporality, metricProducers: [own] });
  const meter = new MeterProvider({ readers: [reader] }).getMeter("throughline");
  const theirName = `${about.name}.sdk`;
  return {
    ours: own.distribution({ ...about, buckets }),
    theirs: meter.createHistogram(theirName, { ...about, advice: { explicitBucketBoundaries: buckets } }),
    async collect() {
      const { resourceMetrics, errors } = await reader.collect();
      assert.equal(errors, []);
      const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => {
        assert.equal(scope.scope.name, "throughline");
        return scope.metrics;
      });
      const named = (name: string) => metrics.find(({ descriptor }) => descriptor.name === name);
      return { ours: named(about.name), theirs: named(theirName) };
    },
  };
}

/** Without the name, which has to differ, and what only the SDK itself wants to know of an instrument. */
function told({ descriptor: { description, unit, valueType }, ...data }: MetricData) {
  return { ...data, description, unit, valueType };
}

function pointsOf(data: MetricData | undefined): HistogramMetricData["dataPoints"] {
  if (data?.dataPointType !== DataPointType.HISTOGRAM) throw new Error("there is no histogram");
  return data.dataPoints;
}

/** Runs with a clock that only moves when it is told to. */
async function withClock<T>(run: (tick: (ms: number) => void) => Promise<T>): Promise<T> {
  const real = Date.now;
  let now = 1_700_000_000_000;
  Date.now = () => now;
  try {
    return await run((ms) => {
      now += ms;
    });
  } finally {
    Date.now = real;
  }
}

type Step =
  | { readonly do: "record"; readonly value: number; readonly channel: number }
  | { readonly do: "tick"; readonly ms: number }
  | { readonly do: "collect" };

const value = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 6 * 1_024 }).map((n) => n / 1_024) },
  { weight: 2, arbitrary: fc.constantFrom(0, ...buckets) },
  { weight: 1, arbitrary: fc.constant(-1) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("record"), value, channel: fc.nat(3) } as const) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("tick"), ms: fc.integer({ min: 1, max: 5_000 }) } as const) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("collect") } as const) },
);

for (const [name, temporality] of [
  ["cumulative", AggregationTemporality.CUMULATIVE],
  ["delta", AggregationTemporality.DELTA],
] as const) {
  test(`a reader of ${name} values gets what the SDK's histograms give, whatever is recorded and collected when`, async () => {
    const kept = [0, 1, 2, 3].map((n): Attributes => ({ channel: `c-${n}`, partition: n }));
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      await withClock(async (tick) => {
        const { ours, theirs, collect } = both(temporality);
        for (const one of [...steps, { do: "collect" } as const]) {
          if (one.do === "tick") tick(one.ms);
          else if (one.do === "record") {
            const dimensions = kept[one.channel] as Attributes;
            ours.record(one.value, dimensions);
            theirs.record(one.value, dimensions);
          } else {
            const collected = await collect();
            assert.equal(collected.ours && told(collected.ours), collected.theirs && told(collected.theirs));
          }
        }
      });
    });
    await fc.assert(property, { numRuns: 200 });
  });

  test(`beyond 2,000 points of a metric, the rest shares one, as with the SDK's (${name})`, async () => {
    const { ours, theirs, collect } = both(temporality);
    for (let n = 0; n < 2_100; n++) {
      for (let times = 0; times < 2; times++) {
        ours.record(1, { channel: `c-${n}` });
        theirs.record(1, { channel: `c-${n}` });
      }
    }
    const collected = await collect();
    const counts = (data: MetricData | undefined) =>
      pointsOf(data).map(({ attributes, value: { count } }) => [attributes, count]);
    assert.is(pointsOf(collected.ours).length, 2_000);
    assert.equal(counts(collected.ours), counts(collected.theirs));
  });
}

test("dimensions of equal content share a point, whatever their order, their object and their recorder", async () => {
  const own = new OwnDistributions(AggregationTemporality.CUMULATIVE);
  const dimensions = { a: "1", b: "2" };
  own.distribution({ ...about, buckets }).record(1, dimensions);
  own.distribution({ ...about, buckets }).record(1, dimensions);
  own.distribution({ ...about, buckets }).record(1, { b: "2", a: "1" });
  own.distribution({ ...about, buckets }).record(1, { a: "1", b: "3" });
  own.distribution({ ...about, buckets }).record(1, { a: "1" });
  const { resourceMetrics } = await own.collect();
  const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  assert.is(metrics.length, 1);
  assert.equal(
    pointsOf(metrics[0]).map(({ attributes, value: { count } }) => [attributes, count]),
    [
      [{ a: "1", b: "2" }, 3],
      [{ a: "1", b: "3" }, 1],
      [{ a: "1" }, 1],
    ],
  );
});

test("a value that is no number, not finite or negative is not recorded", async () => {
  const { ours, collect } = both(AggregationTemporality.CUMULATIVE);
  const refused = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.001];
  for (const none of refused) ours.record(none, { channel: "c" });
  assert.is((await collect()).ours, undefined);
  ours.record(0.5, { channel: "c" });
  for (const none of refused) ours.record(none, { channel: "c" });
  const [point] = pointsOf((await collect()).ours);
  assert.equal(point?.value, {
    buckets: { boundaries: buckets, counts: [0, 1, 0, 0, 0, 0] },
    count: 1,
    sum: 0.5,
    min: 0.5,
    max: 0.5,
  });
});

test("collected values stay as they were when more is recorded", async () => {
  const { ours, collect } = both(AggregationTemporality.CUMULATIVE);
  ours.record(0.5, { channel: "c" });
  const before = pointsOf((await collect()).ours);
  const copy = structuredClone(before);
  ours.record(3, { channel: "c" });
  await collect();
  assert.equal(before, copy);
});

/**
 * Histograms of the backbone's values, counted here: the SDK's histograms serialize and sort the dimensions with each
 * value.
 */

import { type Attributes, diag, type HrTime, ValueType } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import { emptyResource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type Histogram,
  type HistogramMetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import type { Distribution, DistributionOptions, DistributionSource } from "../../tracing/distributions.ts";
import { schemaUrl, scopeName, scopeVersion } from "../../tracing/scope.ts";

/** The instrumentation scope, named as the backbone's meter is. */
const scope = { name: scopeName, version: scopeVersion, schemaUrl };

/** Most data points of one metric, as many as the SDK's readers allow. Values beyond them share the last one. */
const maxPoints = 2_000;
const overflow: Attributes = Object.freeze({ "otel.metric.overflow": true });

/** Gives one reader the histograms that the SDK would have given it. One reader only: collecting a delta removes it. */
export class OwnDistributions implements DistributionSource, MetricProducer {
  readonly #temporality: AggregationTemporality;
  readonly #byName = new Map<string, OwnDistribution>();

  /** `temporality`: the one that the reader's exporter wants for histograms. */
  constructor(temporality: AggregationTemporality) {
    this.#temporality = temporality;
  }

  distribution(options: DistributionOptions): Distribution {
    const known = this.#byName.get(options.name);
    if (known !== undefined) return known;
    const distribution = new OwnDistribution(options, this.#temporality);
    this.#byName.set(options.name, distribution);
    return distribution;
  }

  async collect(): Promise<CollectionResult> {
    const now = millisToHrTime(Date.now());
    const metrics = [...this.#byName.values()]
      .map((distribution) => distribution.collect(now))
      .filter(({ dataPoints }) => dataPoints.length > 0);
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope, metrics }];
    // The reader replaces this resource with the SDK's.
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }
}

/** The histogram of one metric. Dimensions are compared by identity first, so that they must not change. */
class OwnDistribution implements Distribution {
  readonly #options: DistributionOptions;
  readonly #temporality: AggregationTemporality;
  readonly #boundaries: number[];
  /** Cells by the content of their dimensions. With deltas: those of the present interval. */
  #cells = new Map<string, Cell>();
  /** The same cells by the objects that held their dimensions. */
  #known = new WeakMap<Attributes, Cell>();
  /** With deltas: the contents that the last collection had. Else empty. */
  #collected: ReadonlySet<string> = new Set();
  /** The time of the last collection. */
  #collectedAt: HrTime = [0, 0];

  constructor(options: DistributionOptions, temporality: AggregationTemporality) {
    this.#options = options;
    this.#temporality = temporality;
    this.#boundaries = [...options.buckets];
  }

  record(value: number, dimensions: Attributes): void {
    if (!Number.isFinite(value) || value < 0) {
      // A single such value would spoil the sum of all.
      diag.warn(`${this.#options.name} takes no value such as ${value}`);
      return;
    }
    const cell = this.#known.get(dimensions) ?? this.#meet(dimensions);
    cell.add(value, this.#boundaries);
  }

  collect(now: HrTime): HistogramMetricData {
    const { name, description, unit } = this.#options;
    const dataPoints = [...this.#cells].map(([key, cell]) =>
      cell.point(this.#startOf(key, cell), now, this.#boundaries),
    );
    if (this.#temporality === AggregationTemporality.DELTA) this.#startInterval(now);
    return {
      descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
      aggregationTemporality: this.#temporality,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints,
    };
  }

  /** A delta begins where the one before it ended. A content that was not in that one begins with its first value. */
  #startOf(key: string, cell: Cell): HrTime {
    return this.#collected.has(key) ? this.#collectedAt : cell.startedAt;
  }

  #startInterval(now: HrTime): void {
    this.#collected = new Set(this.#cells.keys());
    this.#collectedAt = now;
    this.#cells = new Map();
    this.#known = new WeakMap();
  }

  #meet(dimensions: Attributes): Cell {
    const cell = this.#cellOf(dimensions);
    this.#known.set(dimensions, cell);
    return cell;
  }

  #cellOf(dimensions: Attributes): Cell {
    const key = contentOf(dimensions);
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    if (this.#cells.size >= maxPoints - 1 && dimensions !== overflow) return this.#cellOf(overflow);
    const cell = new Cell(dimensions, this.#boundaries.length + 1);
    this.#cells.set(key, cell);
    return cell;
  }
}

/** One data point while it grows. */
class Cell {
  readonly startedAt: HrTime = millisToHrTime(Date.now());
  readonly #dimensions: Attributes;
  readonly #counts: number[];
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(dimensions: Attributes, buckets: number) {
    this.#dimensions = dimensions;
    this.#counts = new Array<number>(buckets).fill(0);
  }

  /** Adds a value. `boundaries`: upper bounds, each part of its bucket. */
  add(value: number, boundaries: readonly number[]): void {
    // A linear search: nearly all values are in the first buckets.
    let bucket = 0;
    while (bucket < boundaries.length && value > (boundaries[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#count += 1;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** The data point as it is now; later values do not change it. */
  point(startTime: HrTime, endTime: HrTime, boundaries: number[]): DataPoint<Histogram> {
    return {
      attributes: this.#dimensions,
      startTime,
      endTime,
      value: {
        buckets: { boundaries, counts: [...this.#counts] },
        count: this.#count,
        sum: this.#sum,
        min: this.#min,
        max: this.#max,
      },
    };
  }
}

/** A key that is equal for equal dimensions, whatever their order. */
function contentOf(dimensions: Attributes): string {
  return JSON.stringify(Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1)));
}

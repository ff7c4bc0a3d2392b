/** The backbone's values, counted here: the SDK's histograms write down and sort the dimensions anew with each value. */

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

/** As the backbone's meter calls itself. */
const scope = { name: "throughline", version: "" };

/** Data points of one metric, as many as the SDK's readers allow; what is beyond them shares the last. */
const maxPoints = 2_000;
const overflow: Attributes = Object.freeze({ "otel.metric.overflow": true });

/** Gives a reader what the SDK's histograms would have given it. For one reader: what is collected as a delta is gone then. */
export class OwnDistributions implements DistributionSource, MetricProducer {
  readonly #temporality: AggregationTemporality;
  readonly #byName = new Map<string, OwnDistribution>();

  /** `temporality`: what the reader's exporter asks of histograms. */
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
    // The reader puts the SDK's resource in the place of this one.
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }
}

/** Dimensions are not looked at again while they are the same object, so they must not change. */
class OwnDistribution implements Distribution {
  readonly #options: DistributionOptions;
  readonly #temporality: AggregationTemporality;
  readonly #boundaries: number[];
  /** By content. With deltas: of the interval that is under way. */
  #cells = new Map<string, Cell>();
  /** The same cells, by the objects that they were asked for with. */
  #known = new WeakMap<Attributes, Cell>();
  /** With deltas: the contents that the last collection had. Else empty. */
  #collected: ReadonlySet<string> = new Set();
  /** When that was. */
  #collectedAt: HrTime = [0, 0];

  constructor(options: DistributionOptions, temporality: AggregationTemporality) {
    this.#options = options;
    this.#temporality = temporality;
    this.#boundaries = [...options.buckets];
  }

  record(value: number, dimensions: Attributes): void {
    if (!Number.isFinite(value) || value < 0) {
      // Counted, a single one of them would spoil the sum of all.
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

  /** A delta goes on where the one before it ended; what was not in that begins with its first value. */
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

/** One data point as it grows. */
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

  /** `boundaries`: upper ones, each part of its bucket. */
  add(value: number, boundaries: readonly number[]): void {
    // One after the other: nearly all values are in the first buckets.
    let bucket = 0;
    while (bucket < boundaries.length && value > (boundaries[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#count += 1;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** As it is now; later values do not change it. */
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

/** Equal for equal dimensions, in whatever order they are. */
function contentOf(dimensions: Attributes): string {
  return JSON.stringify(Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1)));
}

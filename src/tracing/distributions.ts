/**
 * The destination of measured values: the registered SDK's histograms, or a substitute that the process's set-up has
 * provided.
 */

import type { Attributes, Meter, MeterProvider } from "@opentelemetry/api";

export interface DistributionOptions {
  readonly name: string;
  readonly description: string;
  /** The unit, as UCUM writes it. */
  readonly unit: string;
  /** Upper bounds of the buckets, ascending. */
  readonly buckets: readonly number[];
}

/** The values of one metric. */
export interface Distribution {
  /**
   * Records a value. Equal `dimensions` should be the same object wherever possible: then they need not be compared.
   */
  record(value: number, dimensions: Attributes): void;
}

/** Makes distributions, each of them once. */
export interface DistributionSource {
  distribution(options: DistributionOptions): Distribution;
}

const provided = new WeakMap<MeterProvider, DistributionSource>();

/**
 * Sends the backbone's values to `source` wherever `provider` is registered. To be called before anything is measured.
 */
export function provideDistributions(provider: MeterProvider, source: DistributionSource): void {
  provided.set(provider, source);
}

/** The source for a meter of this provider. */
export function distributionsOf(provider: MeterProvider, meter: Meter): DistributionSource {
  return provided.get(provider) ?? { distribution: (options) => histogramOf(meter, options) };
}

function histogramOf(meter: Meter, { name, description, unit, buckets }: DistributionOptions): Distribution {
  return meter.createHistogram(name, { description, unit, advice: { explicitBucketBoundaries: [...buckets] } });
}

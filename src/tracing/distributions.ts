/** Where measured values go: the registered SDK's histograms, or what a process's set-up has provided in their stead. */

import type { Attributes, Meter, MeterProvider } from "@opentelemetry/api";

export interface DistributionOptions {
  readonly name: string;
  readonly description: string;
  /** UCUM. */
  readonly unit: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
}

/** The values of one metric. */
export interface Distribution {
  /** `dimensions` are the same object for the same ones, wherever that is possible: then they need not be looked at again. */
  record(value: number, dimensions: Attributes): void;
}

/** Makes distributions; each is asked for once. */
export interface DistributionSource {
  distribution(options: DistributionOptions): Distribution;
}

const provided = new WeakMap<MeterProvider, DistributionSource>();

/** From now on the backbone's values go to `source` wherever `provider` is registered. To be called before anything is measured. */
export function provideDistributions(provider: MeterProvider, source: DistributionSource): void {
  provided.set(provider, source);
}

/** What counts for a meter of this provider. */
export function distributionsOf(provider: MeterProvider, meter: Meter): DistributionSource {
  return provided.get(provider) ?? { distribution: (options) => histogramOf(meter, options) };
}

function histogramOf(meter: Meter, { name, description, unit, buckets }: DistributionOptions): Distribution {
  return meter.createHistogram(name, { description, unit, advice: { explicitBucketBoundaries: [...buckets] } });
}

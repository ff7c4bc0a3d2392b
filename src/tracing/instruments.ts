/** The instruments: names, units, buckets, and the gauges that every collection reads. No dimension is an entry, a user or an order id. */

import {
  type Attributes,
  type Counter,
  createNoopMeter,
  type Meter,
  type MeterProvider,
  type ObservableGauge,
  type ObservableResult,
} from "@opentelemetry/api";
import type { HandlerGauge, OwnedGauge, ReadinessGauge } from "../ports/tracing.ts";
import { type Distribution, distributionsOf } from "./distributions.ts";
import { ServersAttempts, ServersSends, SliceSeries } from "./metric-series.ts";
import { schemaUrl, scopeName, scopeVersion } from "./scope.ts";

/** The buckets for durations that OpenTelemetry's conventions recommend, s. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** The buckets for waiting times, s: a backlog may be hours old. */
const waitingBuckets = [...durationBuckets, 30, 60, 300, 900, 3_600, 14_400];

export interface Instruments {
  readonly sends: ServersSends;
  readonly attempts: ServersAttempts;
  readonly slices: SliceSeries;
  readonly operationDuration: Distribution;
  readonly processDuration: Distribution;
  readonly queueTime: Distribution;
  readonly criticalTime: Distribution;
  readonly retried: Counter;
  readonly deadLettered: Counter;
  readonly claimed: Counter;
  readonly fenced: Counter;
  readonly takeovers: Counter;
  readonly refused: Counter;
  readonly sourceRuns: Counter;
  readonly trimmed: Counter;
  readonly lost: Counter;
  readonly leftOut: Counter;
  readonly rejected: Counter;
  readonly epoch: ObservableGauge;
  readonly relayOutputs: ObservableGauge;
  readonly relayTime: ObservableGauge;
  readonly lagEntries: ObservableGauge;
  readonly lagTime: ObservableGauge;
  readonly pending: ObservableGauge;
  readonly parked: ObservableGauge;
  readonly deadLetters: ObservableGauge;
}

/**
 * The instruments of each provider, shared by all backbones of the process: an SDK to which two instruments report the
 * same dimensions believes one of them.
 */
const instrumentsByProvider = new WeakMap<MeterProvider, Instruments>();

/**
 * Reads the running handlers of all backbones of the process, whatever provider is registered. Of several members of a
 * component the oldest handler counts.
 */
export const handlerGauges: Set<() => readonly HandlerGauge[]> = new Set();

/** Reads what all backbones of the process own. Of several members of a component in one process one is enough. */
export const ownedGauges: Set<() => readonly OwnedGauge[]> = new Set();

/** Reads which components of the process can work, of all its backbones. Of several members of a component one that cannot is enough. */
export const readinessGauges: Set<() => readonly ReadinessGauge[]> = new Set();

/** The instruments of a provider; undefined where it measures nothing. */
export function instrumentsOf(provider: MeterProvider): Instruments | undefined {
  const known = instrumentsByProvider.get(provider);
  if (known !== undefined) return known;
  const meter = provider.getMeter(scopeName, scopeVersion, { schemaUrl });
  if (meter === createNoopMeter()) return undefined;
  const instruments = createInstruments(provider, meter);
  instrumentsByProvider.set(provider, instruments);
  return instruments;
}

function createInstruments(provider: MeterProvider, meter: Meter): Instruments {
  const distributions = distributionsOf(provider, meter);
  const distribution = (name: string, description: string, buckets: readonly number[]): Distribution =>
    distributions.distribution({ name, description, unit: "s", buckets });
  const counter = (name: string, description: string, unit: string) => meter.createCounter(name, { description, unit });
  // Counts are kept here and reported at each collection: the SDK would look the dimensions up with each count.
  const sends = new ServersSends();
  const attempts = new ServersAttempts();
  const tally = (name: string, description: string, observe: (result: ObservableResult) => void) =>
    meter.createObservableCounter(name, { description, unit: "{message}" }).addCallback(observe);
  const gauge = (name: string, description: string, unit: string) =>
    meter.createObservableGauge(name, { description, unit });
  tally(
    "messaging.client.sent.messages",
    "Events that were sent; those that could not be appended have an error type.",
    (result) => sends.observe(result),
  );
  tally("messaging.client.consumed.messages", "Events handed to a handler.", (result) => attempts.observe(result));
  gauge(
    "throughline.handler.oldest",
    "Running time of the handler that has run longest, one whose time was up included.",
    "s",
  ).addCallback((result) => {
    const oldest = new Map<Attributes, number>();
    for (const read of handlerGauges) {
      for (const { channel, component, ranMs } of read()) {
        const { dimensions } = attempts.at(undefined).of(channel, component);
        oldest.set(dimensions, Math.max(oldest.get(dimensions) ?? 0, ranMs));
      }
    }
    for (const [dimensions, ranMs] of oldest) result.observe(ranMs / 1_000, dimensions);
  });
  const slices = new SliceSeries();
  // What nobody reports any more is not owned: without a value the SDK would keep the last one.
  const owned = new Map<Attributes, boolean>();
  gauge(
    "throughline.partition.owned",
    "1 where a member of this process owns the component's partition.",
    "1",
  ).addCallback((result) => {
    for (const dimensions of owned.keys()) owned.set(dimensions, false);
    for (const read of ownedGauges) {
      for (const { component, partition, isOwned } of read()) {
        const dimensions = slices.of(component, partition);
        owned.set(dimensions, isOwned || owned.get(dimensions) === true);
      }
    }
    for (const [dimensions, isOwned] of owned) result.observe(isOwned ? 1 : 0, dimensions);
  });
  // As with what is owned: a component that has ended in order is not one that cannot work.
  const unready = new Map<Attributes, boolean>();
  gauge(
    "throughline.unready",
    "1 where the component or source cannot work in this process, as its health tells.",
    "1",
  ).addCallback((result) => {
    for (const dimensions of unready.keys()) unready.set(dimensions, false);
    for (const read of readinessGauges) {
      for (const { component, isReady } of read()) {
        const dimensions = slices.of(component);
        unready.set(dimensions, !isReady || unready.get(dimensions) === true);
      }
    }
    for (const [dimensions, isUnready] of unready) result.observe(isUnready ? 1 : 0, dimensions);
  });
  return {
    sends,
    attempts,
    slices,
    operationDuration: distribution(
      "messaging.client.operation.duration",
      "Duration of a publish, until Redis has appended.",
      durationBuckets,
    ),
    processDuration: distribution(
      "messaging.process.duration",
      "Duration of an attempt, until its settlement is known.",
      durationBuckets,
    ),
    queueTime: distribution("throughline.queue.time", "From append to the start of the handler.", waitingBuckets),
    criticalTime: distribution(
      "throughline.critical.time",
      "From when the event happened until it is settled.",
      waitingBuckets,
    ),
    retried: counter("throughline.retried", "Attempts that are made again.", "{attempt}"),
    deadLettered: counter("throughline.dead_lettered", "Deliveries given up.", "{delivery}"),
    claimed: counter("throughline.claimed", "Deliveries taken over from another member.", "{delivery}"),
    fenced: counter("throughline.fenced", "Settlements refused because another member has the delivery.", "{delivery}"),
    takeovers: counter(
      "throughline.partition.takeovers",
      "Partitions taken from an owner that had fallen silent, by who has taken them.",
      "{takeover}",
    ),
    refused: counter(
      "throughline.settlements.refused",
      "Deliveries whose settlement the store has refused, each time that it was tried.",
      "{delivery}",
    ),
    sourceRuns: counter("throughline.source.runs", "Runs of a source that have ended, by how they ended.", "{run}"),
    trimmed: counter("throughline.trimmed", "Entries removed by retention.", "{entry}"),
    lost: counter("throughline.lost", "Entries gone before the component had handled them.", "{entry}"),
    leftOut: counter(
      "throughline.baggage.left_out",
      "Keys that were left out of an event's baggage, as a whole or in part.",
      "{key}",
    ),
    rejected: counter("throughline.carrier.rejected", "Carrier fields that broke a format or limit.", "{field}"),
    relayOutputs: gauge("throughline.relay.outputs", "Outputs that wait to be moved to another node.", "{entry}"),
    relayTime: gauge("throughline.relay.time", "Age of the oldest output that waits to be moved.", "s"),
    epoch: gauge(
      "throughline.partition.epoch",
      "Number of the ownership of a component's partition; 0 without one.",
      "1",
    ),
    lagEntries: gauge("throughline.lag", "Entries after the component's position.", "{entry}"),
    lagTime: gauge("throughline.lag.time", "Age of the oldest entry that is not finished.", "s"),
    pending: gauge("throughline.pending", "Deliveries that are not settled.", "{delivery}"),
    parked: gauge("throughline.parked", "Deliveries that wait for a retry.", "{delivery}"),
    deadLetters: gauge("throughline.dead_letters", "Dead letters kept.", "{entry}"),
  };
}

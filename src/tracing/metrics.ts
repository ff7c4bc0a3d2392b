/** The metrics: names, buckets and dimensions. No dimension is an entry, a user or an order id. */

import {
  type Attributes,
  type BatchObservableCallback,
  createNoopMeter,
  type Meter,
  type MeterProvider,
  metrics,
  type ObservableResult,
} from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import type {
  ComponentGauges,
  Delivered,
  HandlerGauge,
  Outcome,
  OwnedGauge,
  Processing,
  SourceEnd,
} from "../ports/tracing.ts";
import { attribute, type ServerAddress } from "./attributes.ts";
import type { LeftOut } from "./carrier.ts";
import { type Distribution, distributionsOf } from "./distributions.ts";
import {
  type AttemptSeries,
  type SendSeries,
  type Series,
  ServersAttempts,
  ServersSends,
  SliceSeries,
} from "./metric-series.ts";
import { schemaUrl, scopeName, scopeVersion } from "./scope.ts";

/** The buckets for durations that OpenTelemetry's conventions recommend, s. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** The buckets for waiting times, s: a backlog may be hours old. */
const waitingBuckets = [...durationBuckets, 30, 60, 300, 900, 3_600, 14_400];

type Instruments = ReturnType<typeof createInstruments>;

/**
 * The instruments of each provider, shared by all backbones of the process: an SDK to which two instruments report the
 * same dimensions believes one of them.
 */
const instrumentsByProvider = new WeakMap<MeterProvider, Instruments>();

/**
 * Reads the running handlers of all backbones of the process, whatever provider is registered. Of several members of a
 * component the oldest handler counts.
 */
const handlerGauges = new Set<() => readonly HandlerGauge[]>();

/** Reads what all backbones of the process own. Of several members of a component in one process one is enough. */
const ownedGauges = new Set<() => readonly OwnedGauge[]>();

/** The instruments of a provider; undefined where it measures nothing. */
function instrumentsOf(provider: MeterProvider): Instruments | undefined {
  const known = instrumentsByProvider.get(provider);
  if (known !== undefined) return known;
  const meter = provider.getMeter(scopeName, scopeVersion, { schemaUrl });
  if (meter === createNoopMeter()) return undefined;
  const instruments = createInstruments(provider, meter);
  instrumentsByProvider.set(provider, instruments);
  return instruments;
}

function createInstruments(provider: MeterProvider, meter: Meter) {
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
  tally("messaging.client.sent.messages", "Events appended.", (result) => sends.observe(result));
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
    sourceRuns: counter("throughline.source.runs", "Runs of a source that have ended, by how they ended.", "{run}"),
    trimmed: counter("throughline.trimmed", "Entries removed by retention.", "{entry}"),
    lost: counter("throughline.lost", "Entries gone before the component had handled them.", "{entry}"),
    leftOut: counter(
      "throughline.baggage.left_out",
      "Keys that were left out of an event's baggage, as a whole or in part.",
      "{key}",
    ),
    rejected: counter("throughline.carrier.rejected", "Carrier fields that broke a format or limit.", "{field}"),
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

/** Records measurements while a meter provider is registered; without one each call is a comparison. */
export class Meters {
  readonly #server: ServerAddress | undefined;
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  /** The series of this backbone's server; set with the instruments. */
  #sends: SendSeries | undefined;
  #attempts: AttemptSeries | undefined;
  readonly #gauges = new Map<object, BatchObservableCallback>();

  constructor(server?: ServerAddress) {
    this.#server = server;
  }

  /** True while a provider measures. */
  get recording(): boolean {
    return this.#current() !== undefined;
  }

  /** The instruments of the registered meter provider; undefined where none is registered. */
  #current(): Instruments | undefined {
    const provider = metrics.getMeterProvider();
    if (provider !== this.#provider) this.#adopt(provider);
    return this.#instruments;
  }

  #adopt(provider: MeterProvider): void {
    this.#provider = provider;
    this.#instruments = instrumentsOf(provider);
    this.#sends = this.#instruments?.sends.at(this.#server);
    this.#attempts = this.#instruments?.attempts.at(this.#server);
    for (const callback of this.#gauges.values()) this.#attach(callback);
  }

  sent(channel: string, startedAt: number, error: unknown, errorType: string): void {
    const instruments = this.#current();
    const series = this.#sends?.of(channel);
    if (instruments === undefined || series === undefined) return;
    if (error === undefined) series.count += 1;
    instruments.operationDuration.record(
      secondsSince(startedAt),
      series.measured(error === undefined ? undefined : errorType),
    );
  }

  /** Records that an attempt begins. `now` is on the server's clock. */
  started({ channel, component, entries, claimed: isClaimed }: Processing, now: number): void {
    const instruments = this.#current();
    const series = this.#attempts?.of(channel.name, component);
    if (instruments === undefined || series === undefined) return;
    const { claimed, queueTime } = instruments;
    series.count += entries.length;
    if (isClaimed) claimed.add(entries.length, series.dimensions);
    for (let i = 0; i < entries.length; i++) recordMs(queueTime, now - appendedAt(entries[i] as Delivered), series);
  }

  /** Records that an attempt has ended. `startedAt` is on the monotonic clock, `now` on the producers'. */
  settled(
    { channel, component, entries }: Processing,
    startedAt: number,
    now: number,
    outcome: Outcome,
    errorType: string | undefined,
  ): void {
    const instruments = this.#current();
    const series = this.#attempts?.of(channel.name, component);
    if (instruments === undefined || series === undefined) return;
    const { processDuration, criticalTime, retried, deadLettered, fenced } = instruments;
    const measured = series.measured(errorType);
    processDuration.record(secondsSince(startedAt), measured);
    if (outcome === "acked")
      for (let i = 0; i < entries.length; i++) recordMs(criticalTime, now - (entries[i] as Delivered).time, series);
    else if (outcome === "retried") retried.add(entries.length, measured);
    else if (outcome === "deadLettered") deadLettered.add(entries.length, measured);
    else if (outcome === "fenced") fenced.add(entries.length, series.dimensions);
  }

  sourceRan(component: string, partition: number, end: SourceEnd): void {
    const instruments = this.#current();
    const dimensions = instruments?.slices.of(component, partition);
    instruments?.sourceRuns.add(1, { ...dimensions, "throughline.source.end": end });
  }

  rejected(channel: string, field: keyof Carrier): void {
    this.#current()?.rejected.add(1, { [attribute.channel]: channel, "throughline.carrier.field": field });
  }

  leftOut(channel: string, reason: LeftOut): void {
    this.#current()?.leftOut.add(1, { [attribute.channel]: channel, "throughline.baggage.reason": reason });
  }

  lost(channel: string, component: string, count: number): void {
    const instruments = this.#current();
    const series = this.#attempts?.of(channel, component);
    if (series !== undefined) instruments?.lost.add(count, series.dimensions);
  }

  trimmed(channel: string, count: number): void {
    this.#current()?.trimmed.add(count, { [attribute.system]: "redis", [attribute.channel]: channel });
  }

  /**
   * Reports components' gauges. `read` may be slow or fail: the collection then goes on without them. The returned
   * function removes the gauges.
   */
  observe(read: () => Promise<ComponentGauges>, onError: (error: unknown) => void): () => void {
    const callback: BatchObservableCallback = async (result) => {
      const instruments = this.#instruments;
      if (instruments === undefined) return;
      try {
        const { groups, epochs } = await read();
        for (const { component, partition, epoch } of epochs) {
          result.observe(instruments.epoch, epoch, instruments.slices.of(component, partition));
        }
        for (const group of groups) {
          const dimensions = instruments.slices.of(group.component, group.partition, group.channel);
          result.observe(instruments.lagEntries, group.lagEntries, dimensions);
          result.observe(instruments.lagTime, group.lagMs / 1_000, dimensions);
          result.observe(instruments.pending, group.pending, dimensions);
          result.observe(instruments.parked, group.parked, dimensions);
          result.observe(instruments.deadLetters, group.deadLetters, dimensions);
        }
      } catch (error) {
        onError(error);
      }
    };
    const key = {};
    this.#gauges.set(key, callback);
    // `#current` attaches all callbacks, this one included, to a provider that is new to it. A known provider needs
    // this one attached.
    if (metrics.getMeterProvider() === this.#provider) this.#attach(callback);
    else this.#current();
    return () => {
      this.#gauges.delete(key);
      this.#detach(callback);
    };
  }

  /** Reports what this process owns. The returned function removes the gauge. */
  observeOwned(read: () => readonly OwnedGauge[]): () => void {
    ownedGauges.add(read);
    this.#current();
    return () => void ownedGauges.delete(read);
  }

  /** Reports the running handlers. The returned function removes the gauge. */
  observeHandlers(read: () => readonly HandlerGauge[]): () => void {
    handlerGauges.add(read);
    this.#current();
    return () => void handlerGauges.delete(read);
  }

  #attach(callback: BatchObservableCallback): void {
    if (this.#instruments === undefined) return;
    metrics
      .getMeter(scopeName, scopeVersion, { schemaUrl })
      .addBatchObservableCallback(callback, this.#observables(this.#instruments));
  }

  #detach(callback: BatchObservableCallback): void {
    if (this.#instruments === undefined) return;
    metrics
      .getMeter(scopeName, scopeVersion, { schemaUrl })
      .removeBatchObservableCallback(callback, this.#observables(this.#instruments));
  }

  #observables({ epoch, lagEntries, lagTime, pending, parked, deadLetters }: Instruments) {
    return [epoch, lagEntries, lagTime, pending, parked, deadLetters];
  }
}

/** The time of the append, epoch ms on the server's clock: an entry's id is its best estimate. */
function appendedAt({ entryId }: Delivered): number {
  return Number.parseInt(entryId, 10);
}

/** Records a waiting time. An entry's time may be unreadable or in the future. */
function recordMs(distribution: Distribution, ms: number, { dimensions }: Series): void {
  if (Number.isFinite(ms)) distribution.record(Math.max(0, ms) / 1_000, dimensions);
}

function secondsSince(startedAt: number): number {
  return Math.max(0, performance.now() - startedAt) / 1_000;
}

/** Names, buckets and dimensions of the metrics. Never an entry, user or order id as a dimension. */

import {
  type Attributes,
  type BatchObservableCallback,
  createNoopMeter,
  type Meter,
  metrics,
  type ObservableResult,
} from "@opentelemetry/api";
import type { Carrier, GroupGauges, Outcome } from "../ports.ts";
import { attribute } from "./attributes.ts";

const scope = "throughline";

/** The conventions' buckets for durations, s. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Waiting has no upper end: a backlog may be hours old. */
const waitingBuckets = [...durationBuckets, 30, 60, 300, 900, 3_600, 14_400];

type Instruments = ReturnType<typeof createInstruments>;

function createInstruments(meter: Meter) {
  const histogram = (name: string, description: string, buckets: number[]) =>
    meter.createHistogram(name, { description, unit: "s", advice: { explicitBucketBoundaries: buckets } });
  const counter = (name: string, description: string, unit: string) => meter.createCounter(name, { description, unit });
  const tally = (name: string, description: string, unit: string) =>
    meter.createObservableCounter(name, { description, unit });
  const gauge = (name: string, description: string, unit: string) =>
    meter.createObservableGauge(name, { description, unit });
  return {
    operationDuration: histogram(
      "messaging.client.operation.duration",
      "Duration of a publish, until Redis has appended.",
      durationBuckets,
    ),
    // Counted here and told when they are collected: the SDK looks the dimensions up anew with each of its own counts.
    sent: tally("messaging.client.sent.messages", "Events appended.", "{message}"),
    consumed: tally("messaging.client.consumed.messages", "Events handed to a handler.", "{message}"),
    processDuration: histogram(
      "messaging.process.duration",
      "Duration of an attempt, until its settlement is known.",
      durationBuckets,
    ),
    queueTime: histogram("throughline.queue.time", "From append to the start of the handler.", waitingBuckets),
    criticalTime: histogram(
      "throughline.critical.time",
      "From when the event happened until it is settled.",
      waitingBuckets,
    ),
    retried: counter("throughline.retried", "Attempts that are made again.", "{attempt}"),
    deadLettered: counter("throughline.dead_lettered", "Deliveries given up.", "{delivery}"),
    claimed: counter("throughline.claimed", "Deliveries taken over from another member.", "{delivery}"),
    fenced: counter("throughline.fenced", "Settlements refused because another member has the delivery.", "{delivery}"),
    trimmed: counter("throughline.trimmed", "Entries removed by retention.", "{entry}"),
    lost: counter("throughline.lost", "Entries gone before the component had handled them.", "{entry}"),
    rejected: counter("throughline.carrier.rejected", "Carrier fields that broke a format or limit.", "{field}"),
    lagEntries: gauge("throughline.lag", "Entries not yet read by the component.", "{entry}"),
    lagTime: gauge("throughline.lag.time", "Age of the oldest entry that is not finished.", "s"),
    pending: gauge("throughline.pending", "Deliveries that are not settled.", "{delivery}"),
    parked: gauge("throughline.parked", "Deliveries that wait for a retry.", "{delivery}"),
    deadLetters: gauge("throughline.dead_letters", "Dead letters kept.", "{entry}"),
  };
}

/** Where an attempt counts: the dimensions of its metrics. */
export interface AttemptDimensions {
  readonly channel: string;
  readonly component: string;
}

/** Counts by dimensions, which are the same object for the same ones. */
class Tally {
  readonly #counts = new Map<Attributes, number>();

  add(dimensions: Attributes, count: number): void {
    this.#counts.set(dimensions, (this.#counts.get(dimensions) ?? 0) + count);
  }

  observe(result: ObservableResult): void {
    for (const [dimensions, count] of this.#counts) result.observe(count, dimensions);
  }
}

/** Records while a meter provider is registered; without one each call is a comparison. */
export class Meters {
  #provider: unknown;
  #instruments: Instruments | undefined;
  readonly #gauges = new Map<object, BatchObservableCallback>();
  readonly #sent = new Tally();
  readonly #consumed = new Tally();
  readonly #dimensions = new Map<string, Map<string, Attributes>>();

  /** Whether anything is measured now. */
  get recording(): boolean {
    return this.#current() !== undefined;
  }

  /** Instruments of the meter provider that is registered now; undefined where none is. */
  #current(): Instruments | undefined {
    const provider = metrics.getMeterProvider();
    if (provider !== this.#provider) this.#adopt(provider.getMeter(scope), provider);
    return this.#instruments;
  }

  #adopt(meter: Meter, provider: unknown): void {
    this.#provider = provider;
    this.#instruments = meter === createNoopMeter() ? undefined : createInstruments(meter);
    this.#instruments?.sent.addCallback((result) => this.#sent.observe(result));
    this.#instruments?.consumed.addCallback((result) => this.#consumed.observe(result));
    for (const callback of this.#gauges.values()) this.#attach(callback);
  }

  sent(channel: string, startedAt: number, error: unknown, errorType: string): void {
    const instruments = this.#current();
    if (instruments === undefined) return;
    const dimensions = this.#of("send", channel, "");
    if (error === undefined) this.#sent.add(dimensions, 1);
    const measured = error === undefined ? dimensions : { ...dimensions, [attribute.errorType]: errorType };
    instruments.operationDuration.record(secondsSince(startedAt), measured);
  }

  /** `waitedMs`: for each event, from append to now. */
  started({ channel, component }: AttemptDimensions, waitedMs: readonly number[], claimed: boolean): void {
    const instruments = this.#current();
    if (instruments === undefined) return;
    const dimensions = this.#of("process", channel, component);
    this.#consumed.add(dimensions, waitedMs.length);
    if (claimed) instruments.claimed.add(waitedMs.length, dimensions);
    for (const ms of waitedMs)
      if (Number.isFinite(ms)) instruments.queueTime.record(Math.max(0, ms) / 1_000, dimensions);
  }

  /** `agesMs`: for each event, from when it happened to now. */
  settled(
    { channel, component }: AttemptDimensions,
    startedAt: number,
    agesMs: readonly number[],
    outcome: Outcome,
    errorType: string | undefined,
  ): void {
    const instruments = this.#current();
    if (instruments === undefined) return;
    const dimensions = this.#of("process", channel, component);
    const measured = errorType === undefined ? dimensions : { ...dimensions, [attribute.errorType]: errorType };
    instruments.processDuration.record(secondsSince(startedAt), measured);
    if (outcome === "acked") {
      for (const ms of agesMs)
        if (Number.isFinite(ms)) instruments.criticalTime.record(Math.max(0, ms) / 1_000, dimensions);
    } else if (outcome === "retried") instruments.retried.add(agesMs.length, measured);
    else if (outcome === "deadLettered") instruments.deadLettered.add(agesMs.length, measured);
    else if (outcome === "fenced") instruments.fenced.add(agesMs.length, dimensions);
  }

  rejected(channel: string, field: keyof Carrier): void {
    this.#current()?.rejected.add(1, { [attribute.channel]: channel, "throughline.carrier.field": field });
  }

  lost(channel: string, component: string, count: number): void {
    this.#current()?.lost.add(count, this.#of("process", channel, component));
  }

  trimmed(channel: string, count: number): void {
    this.#current()?.trimmed.add(count, { [attribute.system]: "redis", [attribute.channel]: channel });
  }

  /** `read` may be slow or fail: then the collection goes on without it. The returned function removes the gauges. */
  observe(read: () => Promise<readonly GroupGauges[]>, onError: (error: unknown) => void): () => void {
    const callback: BatchObservableCallback = async (result) => {
      const instruments = this.#instruments;
      if (instruments === undefined) return;
      try {
        for (const group of await read()) {
          const dimensions = this.#of("process", group.channel, group.component);
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
    // A provider that is new to us attaches all callbacks, this one included; a known one has to be told.
    if (metrics.getMeterProvider() === this.#provider) this.#attach(callback);
    else this.#current();
    return () => {
      this.#gauges.delete(key);
      this.#detach(callback);
    };
  }

  #attach(callback: BatchObservableCallback): void {
    if (this.#instruments === undefined) return;
    metrics.getMeter(scope).addBatchObservableCallback(callback, this.#observables(this.#instruments));
  }

  #detach(callback: BatchObservableCallback): void {
    if (this.#instruments === undefined) return;
    metrics.getMeter(scope).removeBatchObservableCallback(callback, this.#observables(this.#instruments));
  }

  #observables({ lagEntries, lagTime, pending, parked, deadLetters }: Instruments) {
    return [lagEntries, lagTime, pending, parked, deadLetters];
  }

  #of(operation: "send" | "process", channel: string, component: string): Attributes {
    const byComponent = this.#dimensions.get(channel) ?? new Map<string, Attributes>();
    const key = operation === "send" ? "" : `/${component}`;
    const known = byComponent.get(key);
    if (known !== undefined) return known;
    const dimensions: Attributes = Object.freeze({
      [attribute.system]: "redis",
      [attribute.operationName]: operation,
      [attribute.channel]: channel,
      ...(operation === "process" && { [attribute.component]: component }),
    });
    this.#dimensions.set(channel, byComponent.set(key, dimensions));
    return dimensions;
  }
}

function secondsSince(startedAt: number): number {
  return Math.max(0, performance.now() - startedAt) / 1_000;
}

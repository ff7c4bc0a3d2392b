/** Records measurements of the backbone into the instruments of whatever meter provider is registered. */

import {
  type Attributes,
  type BatchObservableCallback,
  type MeterProvider,
  metrics,
  type Observable,
} from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import type {
  ComponentGauges,
  Delivered,
  GroupGauges,
  HandlerGauge,
  Outcome,
  OwnedGauge,
  Processing,
  ReadinessGauge,
  RelayGauge,
  SourceEnd,
} from "../ports/tracing.ts";
import { attribute, type ServerAddress } from "./attributes.ts";
import type { LeftOut } from "./carrier.ts";
import type { Distribution } from "./distributions.ts";
import { handlerGauges, type Instruments, instrumentsOf, ownedGauges, readinessGauges } from "./instruments.ts";
import type { AttemptSeries, SendSeries, Series } from "./metric-series.ts";
import { schemaUrl, scopeName, scopeVersion } from "./scope.ts";

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
    const ended = series.of(error === undefined ? undefined : errorType);
    ended.count += 1;
    instruments.operationDuration.record(secondsSince(startedAt), ended.dimensions);
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
    const measured = series.of(errorType).dimensions;
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

  tookOver(component: string, partition: number): void {
    const instruments = this.#current();
    instruments?.takeovers.add(1, instruments.slices.of(component, partition));
  }

  refused(component: string, partition: number, count: number): void {
    const instruments = this.#current();
    instruments?.refused.add(count, instruments.slices.of(component, partition));
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
    let before = new Map<Observable, ReadonlySet<Attributes>>();
    const callback: BatchObservableCallback = async (result) => {
      const instruments = this.#instruments;
      if (instruments === undefined) return;
      try {
        const values = valuesOf(await read(), instruments);
        for (const [gauge, points] of values) {
          for (const [dimensions, value] of points) result.observe(gauge, value, dimensions);
          // Others report it now. Without a value the SDK would keep the last one for as long as the process runs.
          for (const gone of before.get(gauge) ?? []) if (!points.has(gone)) result.observe(gauge, 0, gone);
        }
        before = new Map([...values].map(([gauge, points]) => [gauge, new Set(points.keys())]));
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

  /** Reports which components of this process can work. The returned function removes the gauge. */
  observeReadiness(read: () => readonly ReadinessGauge[]): () => void {
    readinessGauges.add(read);
    this.#current();
    return () => void readinessGauges.delete(read);
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

  #observables(instruments: Instruments) {
    const { epoch, relayOutputs, relayTime, lagEntries, lagTime, pending, parked, deadLetters } = instruments;
    return [epoch, relayOutputs, relayTime, lagEntries, lagTime, pending, parked, deadLetters];
  }
}

/** The values of the gauges that Redis was asked for, each by its dimensions. */
function valuesOf(
  { groups, epochs, relays }: ComponentGauges,
  { slices, epoch: number, relayOutputs, relayTime, lagEntries, lagTime, pending, parked, deadLetters }: Instruments,
): ReadonlyMap<Observable, ReadonlyMap<Attributes, number>> {
  const ofGroups = (value: (group: GroupGauges) => number): ReadonlyMap<Attributes, number> =>
    new Map(groups.map((group) => [slices.of(group.component, group.partition, group.channel), value(group)]));
  const ofRelays = (value: (relay: RelayGauge) => number): ReadonlyMap<Attributes, number> =>
    new Map(relays.map((relay) => [slices.of(relay.component, relay.partition), value(relay)]));
  return new Map([
    [relayOutputs, ofRelays(({ outputs }) => outputs)],
    [relayTime, ofRelays(({ oldestMs }) => oldestMs / 1_000)],
    [number, new Map(epochs.map(({ component, partition, epoch }) => [slices.of(component, partition), epoch]))],
    [lagEntries, ofGroups((group) => group.lagEntries)],
    [lagTime, ofGroups(({ lagMs }) => lagMs / 1_000)],
    [pending, ofGroups((group) => group.pending)],
    [parked, ofGroups((group) => group.parked)],
    [deadLetters, ofGroups((group) => group.deadLetters)],
  ]);
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

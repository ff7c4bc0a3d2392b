/** Makes the spans of a namespace again, from its log alone: by the code that makes them live, with the ids that derive from the log. */

import type { EntryCache } from "../../inspect/windows/entry-cache.ts";
import type { LogWindow } from "../../inspect/windows/log-windows.ts";
import type { Channel } from "../../model/channel.ts";
import { timeOf } from "../../model/envelope.ts";
import { RecentMap, Turns } from "../../model/recent-map.ts";
import type { FailedNote, RecordedSettlement, RunNote, SettledCall } from "../../model/recorded-settlement.ts";
import type { Processing, TracedChannel } from "../../ports/tracing.ts";
import type { SpanOpener } from "../span-opener.ts";
import { isFlaggedSampled } from "../trace-context.ts";
import { KnownSpans } from "./known-spans.ts";
import type { LoggedDelivery } from "./logged-delivery.ts";
import { type CallEnd, RebuiltCall, type TimedSource } from "./rebuilt-call.ts";
import { type Parents, tellWrite } from "./rebuilt-write.ts";

/** Most calls that are remembered: what a call has published is appended with its settlement, or soon after. */
const maxCalls = 10_000;

/**
 * By so much an output is older in the log than the settlement that it was appended with, at most, ms: a script that runs for some milliseconds
 * stamps each of its entries when it comes to it, and the settlement last.
 */
export const outputLeadMs = 250;

/** What could not be told, and why. */
export interface Untold {
  /** Entries whose span has a parent outside of the backbone, or an id that was drawn. */
  writes: number;
  /** Calls of which the settlement log does not say how they ran: an earlier version wrote it. */
  unnoted: number;
  /** Calls of which the log does not say whose they were. */
  unowned: number;
  /** Calls of which an entry is gone. */
  trimmed: number;
}

export interface RebuilderOptions {
  readonly opener: SpanOpener;
  readonly source: TimedSource;
  readonly cache: EntryCache<LoggedDelivery>;
  /** What was settled or appended before is read and not told, epoch ms: later attempts link to earlier ones. */
  readonly fromMs: number;
  /** What was settled or appended later is read and not told: an output's settlement may be a little younger than the output. Epoch ms. */
  readonly toMs: number;
  /** Definitions, by name; without one a channel's spans have the ids of their baggage alone. */
  readonly channels: ReadonlyMap<string, Channel<unknown>>;
  /** False of a trace that nobody wants; default: all are wanted. */
  readonly wants?: ((traceId: string) => boolean) | undefined;
  /** True: a parent that is none of the backbone's is believed. Else such an entry's span is not told: its id may have been drawn. */
  readonly outside: boolean;
  /** Told before each span which component made it; undefined: none of those in the log. */
  readonly onComponent: (component: string | undefined) => void;
}

export class SpanRebuilder {
  readonly untold: Untold = { writes: 0, unnoted: 0, unowned: 0, trimmed: 0 };
  /** True while spans are made that are not to be told. */
  isMuted = false;
  readonly #options: RebuilderOptions;
  readonly #owners = new Map<string, { readonly member: string; readonly epoch: number }>();
  readonly #deadIds = new Map<string, string>();
  /** The calls that handled an event, by its id. */
  readonly #calls = new RecentMap<string, RebuiltCall[]>();
  readonly #callTurns = new Turns(maxCalls);
  readonly #known = new KnownSpans();
  readonly #traced = new Map<string, TracedChannel>();
  readonly #parents: Parents;
  readonly #began: (call: RebuiltCall | undefined) => void;
  /** Entries whose span waits until the settlement that they may have come with is known; the oldest first. */
  #waiting: LoggedDelivery[] = [];

  constructor(options: RebuilderOptions) {
    const { outside, onComponent } = options;
    this.#options = options;
    this.#parents = { isKnown: (traceId, spanId) => this.#known.has(traceId, spanId), outside };
    this.#began = (call) => onComponent(call?.processing.component);
  }

  /** Takes the owners of what is settled from now on. */
  own({ component, partition, owner }: RecordedSettlement): void {
    if (owner !== undefined) this.#owners.set(`${component}/${partition}`, owner);
  }

  /**
   * Makes the spans of what was settled in the window, and of what was appended until `outputLeadMs` before its end. Returns that time, epoch ms.
   * @throws {StoreError}
   */
  async tell({ entries, settlements, toMs }: LogWindow): Promise<number> {
    const { cache } = this.#options;
    const appended: LoggedDelivery[] = [];
    for (const entry of entries) {
      if (entry.envelope !== undefined) this.#known.add(entry.envelope.traceparent);
      const delivery = cache.add(entry);
      this.#waiting.push(delivery);
      if (isFlaggedSampled(delivery.carrier.traceparent) && this.#isWanted(delivery)) appended.push(delivery);
    }
    // At once: a payload need not be kept until its entry's span is told.
    await this.#read(appended);
    await this.#load(settlements);
    for (const settlement of settlements) this.#settlement(settlement);
    await this.tellAppended(toMs - outputLeadMs);
    cache.trim();
    this.#known.trim();
    if (this.#callTurns.isDue()) this.#calls.turn();
    return toMs - outputLeadMs;
  }

  /** Makes the spans of what was appended by then, epoch ms. */
  async tellAppended(untilMs: number): Promise<void> {
    const waiting = this.#waiting;
    const end = waiting.findIndex(({ entryId }) => timeOf(entryId) > untilMs);
    const due = waiting.splice(0, end < 0 ? waiting.length : end);
    const { fromMs, toMs } = this.#options;
    const told = due.filter((entry) => {
      const ms = timeOf(entry.entryId);
      return ms >= fromMs && ms <= toMs && isFlaggedSampled(entry.carrier.traceparent) && this.#isWanted(entry);
    });
    for (const entry of told) this.#write(entry);
  }

  /** Reads what was settled, as far as it is not read yet. */
  async #load(settlements: readonly RecordedSettlement[]): Promise<void> {
    const { cache } = this.#options;
    const handled: LoggedDelivery[] = [];
    const handle = (found: readonly LoggedDelivery[]): void => {
      if (found.some((entry) => this.#isWanted(entry)))
        for (const entry of found) if (!entry.isRead) handled.push(entry);
    };
    const missing = new Map<string, { channel: string; partition: number; runs: (readonly string[])[] }>();
    for (const { partition, calls, failed = none } of settlements) {
      for (const runs of [calls, failed]) {
        for (const { channel, entryIds } of runs) {
          const found = this.#find(channel, partition, entryIds);
          if (found.length === entryIds.length) {
            handle(found);
            continue;
          }
          const key = `${channel}/${partition}`;
          const stream = missing.get(key) ?? { channel, partition, runs: [] };
          missing.set(key, stream);
          stream.runs.push(entryIds);
        }
      }
    }
    for (const { channel, partition, runs } of missing.values()) {
      await cache.load({ channel, partition }, runs.flat());
      for (const entryIds of runs) handle(this.#find(channel, partition, entryIds));
    }
    await this.#read(handled);
  }

  /** Reads their payloads. */
  async #read(entries: readonly LoggedDelivery[]): Promise<void> {
    const { channels } = this.#options;
    let reading: Promise<void>[] | undefined;
    for (const entry of entries) {
      const read = entry.read(channels.get(entry.channel));
      if (read === undefined) continue;
      reading ??= [];
      reading.push(read);
    }
    if (reading !== undefined) await Promise.all(reading);
  }

  /** Those of the entries that are still in the log. */
  #find(channel: string, partition: number, entryIds: readonly string[]): LoggedDelivery[] {
    const found: LoggedDelivery[] = [];
    for (const entryId of entryIds) {
      const entry = this.#options.cache.get(channel, partition, entryId);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }

  #settlement(settlement: RecordedSettlement): void {
    this.own(settlement);
    const { component, partition, entryId, calls, failed = [] } = settlement;
    const { fromMs, toMs } = this.#options;
    const settledMs = timeOf(entryId);
    this.isMuted = settledMs < fromMs || settledMs > toMs;
    for (const run of failed) this.#failed(settlement, run, settledMs);
    for (const call of calls) {
      const [first = ""] = call.entryIds;
      if (call.outcome === "acked") this.#acked(settlement, call, settledMs);
      else if (call.deadId !== undefined)
        this.#deadIds.set(`${component}/${partition}/${call.channel}/${first}`, call.deadId);
    }
  }

  #acked(settlement: RecordedSettlement, call: SettledCall, settledMs: number): void {
    const { run } = call;
    if (run === undefined) this.#miss("unnoted");
    else this.#call(settlement, call, run, { outcome: "acked", startMs: settledMs - run.tookMs, endMs: settledMs });
  }

  #failed(settlement: RecordedSettlement, run: FailedNote, settledMs: number): void {
    const { outcome, tookMs, endedAgoMs = 0, errorType, error } = run;
    const key = `${settlement.component}/${settlement.partition}/${run.channel}/${run.entryIds[0]}`;
    const deadId = outcome === "deadLettered" ? this.#deadIds.get(key) : undefined;
    this.#deadIds.delete(key);
    // What was to be buried and was refused comes again.
    if (outcome === "deadLettered" && deadId === undefined) return;
    const end = { outcome, startMs: settledMs - tookMs, endMs: settledMs - endedAgoMs, errorType, error, deadId };
    this.#call(settlement, run, run, end);
  }

  #call(
    { component, partition }: RecordedSettlement,
    { channel, entryIds }: Pick<SettledCall, "channel" | "entryIds">,
    { attempt, claimed, run, epoch, member }: RunNote & Partial<FailedNote>,
    end: CallEnd,
  ): void {
    const { opener, source, onComponent } = this.#options;
    const owner = this.#owners.get(`${component}/${partition}`);
    const by = member ?? owner?.member;
    const number = epoch ?? owner?.epoch;
    if (by === undefined || number === undefined) {
      this.#miss("unowned");
      return;
    }
    const found = this.#find(channel, partition, entryIds);
    if (!found.some((entry) => this.#isWanted(entry))) {
      if (found.length === 0) this.#miss("trimmed");
      return;
    }
    if (found.length < entryIds.length) {
      this.#miss("trimmed");
      return;
    }
    const place = { channel: this.#channelOf(channel), component, member: by, partition };
    const processing: Processing = { ...place, entries: found, attempt, claimed, run, epoch: number };
    const call = new RebuiltCall(opener, processing);
    onComponent(component);
    call.tell(opener, source, end);
    if (end.outcome !== "acked") return;
    for (const { eventId } of found) {
      const others = this.#calls.get(eventId);
      if (others === undefined) this.#calls.add(eventId, [call]);
      else others.push(call);
    }
    this.#callTurns.count(found.length);
  }

  #miss(what: keyof Untold): void {
    if (!this.isMuted) this.untold[what]++;
  }

  #write(delivered: LoggedDelivery): void {
    const { opener, source } = this.#options;
    this.isMuted = false;
    const { eventId, correlation, causes, partition } = delivered;
    const sending = {
      channel: this.#channelOf(delivered.channel),
      partition,
      eventId,
      correlation,
      causes,
      baggage: undefined,
    };
    const calls = this.#callsOf(causes);
    const result = tellWrite(opener, source, { sending, delivered }, calls, this.#parents, this.#began);
    if (result === "untold") this.untold.writes++;
  }

  /** The calls that handled any of these events, each once. */
  #callsOf(causes: LoggedDelivery["causes"]): readonly RebuiltCall[] {
    const [first] = causes;
    if (first === undefined) return noCalls;
    if (causes.length === 1) return this.#calls.get(first.id) ?? noCalls;
    return [...new Set(causes.flatMap(({ id }) => this.#calls.get(id) ?? noCalls))];
  }

  /** Whether some story of the entry is wanted. One that is in no trace begins one, whose id is not known yet. */
  #isWanted({ carrier }: LoggedDelivery): boolean {
    const { wants } = this.#options;
    if (wants === undefined) return true;
    const { traceparent, stories = "" } = carrier;
    return (
      wants(traceparent.slice(3, 35)) || (stories !== "" && stories.split(",").some((one) => wants(one.slice(0, 32))))
    );
  }

  /** The same object for all of a channel's spans, as their common attributes are kept by it. */
  #channelOf(name: string): TracedChannel {
    const known = this.#traced.get(name) ?? this.#options.channels.get(name) ?? { name, topology: "parent" as const };
    this.#traced.set(name, known);
    return known;
  }
}

const none: readonly FailedNote[] = [];
const noCalls: readonly RebuiltCall[] = [];

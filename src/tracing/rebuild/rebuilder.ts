/** Makes the spans of a namespace again, from its log alone: by the code that makes them live, with the ids that derive from the log. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { EntryCache } from "../../inspect/windows/entry-cache.ts";
import type { LogWindow } from "../../inspect/windows/log-windows.ts";
import type { Channel } from "../../model/channel.ts";
import { timeOf } from "../../model/envelope.ts";
import type { FailedNote, RecordedSettlement, RunNote, SettledCall } from "../../model/recorded-settlement.ts";
import type { Processing, TracedChannel } from "../../ports/tracing.ts";
import type { SpanOpener } from "../span-opener.ts";
import { isFlaggedSampled } from "../trace-context.ts";
import { Deliveries } from "./deliveries.ts";
import { type CallEnd, RebuiltCall, type TimedSource } from "./rebuilt-call.ts";
import { tellWrite } from "./rebuilt-write.ts";

/** Most calls, and ids of `send` spans, that are remembered: what a call has published is appended with its settlement, or soon after. */
const maxCalls = 10_000;
const maxKnown = 100_000;

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
  readonly cache: EntryCache;
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
  readonly #calls = new Map<string, RebuiltCall[]>();
  readonly #known = new Set<string>();
  readonly #traced = new Map<string, TracedChannel>();
  readonly #deliveries: Deliveries;
  /** Entries whose span waits until the settlement that they may have come with is known; the oldest first. */
  #waiting: LogEntry[] = [];

  constructor(options: RebuilderOptions) {
    this.#options = options;
    this.#deliveries = new Deliveries(options.channels);
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
    for (const entry of entries) {
      cache.add(entry);
      this.#waiting.push(entry);
      const { traceparent = "" } = entry.envelope ?? {};
      if (traceparent !== "") this.#known.add(traceparent.slice(3, 52));
    }
    await this.#load(settlements);
    for (const settlement of settlements) this.#settlement(settlement);
    await this.tellAppended(toMs - outputLeadMs);
    cache.trim();
    this.#deliveries.trim();
    forget(this.#calls, maxCalls);
    forget(this.#known, maxKnown);
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
      return ms >= fromMs && ms <= toMs && entry.envelope !== undefined && this.#isWanted(entry);
    });
    await this.#deliveries.prepare(told.filter(isSampled));
    for (const entry of told) this.#write(entry);
  }

  /** Reads the entries of what was settled. */
  async #load(settlements: readonly RecordedSettlement[]): Promise<void> {
    const { cache } = this.#options;
    const wanted = new Map<string, { channel: string; partition: number; ids: string[] }>();
    const want = (channel: string, partition: number, entryIds: readonly string[]): void => {
      const key = `${channel}/${partition}`;
      const stream = wanted.get(key) ?? { channel, partition, ids: [] };
      wanted.set(key, stream);
      for (const entryId of entryIds) stream.ids.push(entryId);
    };
    for (const { partition, calls, failed = [] } of settlements)
      for (const { channel, entryIds } of [...calls, ...failed]) want(channel, partition, entryIds);
    for (const { ids, ...stream } of wanted.values()) await cache.load(stream, ids);
    const handled: LogEntry[] = [];
    for (const { partition, calls, failed = [] } of settlements) {
      for (const { channel, entryIds } of [...calls, ...failed]) {
        const found = this.#find(channel, partition, entryIds);
        if (found.some((entry) => this.#isWanted(entry))) for (const entry of found) handled.push(entry);
      }
    }
    await this.#deliveries.prepare(handled);
  }

  /** Those of the entries that are still in the log. */
  #find(channel: string, partition: number, entryIds: readonly string[]): LogEntry[] {
    const stream = { channel, partition };
    const found: LogEntry[] = [];
    for (const entryId of entryIds) {
      const entry = this.#options.cache.get(stream, entryId);
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
    const entries = found.map((entry) => this.#deliveries.of(entry));
    const place = { channel: this.#channelOf(channel), component, member: by, partition };
    const processing: Processing = { ...place, entries, attempt, claimed, run, epoch: number };
    const call = new RebuiltCall(opener, processing);
    onComponent(component);
    call.tell(opener, source, end);
    if (end.outcome !== "acked") return;
    for (const { eventId } of entries) {
      const others = this.#calls.get(eventId);
      if (others === undefined) this.#calls.set(eventId, [call]);
      else others.push(call);
    }
  }

  #miss(what: keyof Untold): void {
    if (!this.isMuted) this.untold[what]++;
  }

  #write(entry: LogEntry): void {
    const { opener, source, onComponent } = this.#options;
    this.isMuted = false;
    const delivered = this.#deliveries.of(entry);
    const { eventId, correlation, causes } = delivered;
    const { partition } = entry;
    const sending = {
      channel: this.#channelOf(entry.channel),
      partition,
      eventId,
      correlation,
      causes,
      baggage: undefined,
    };
    const calls = new Set(causes.flatMap(({ id }) => this.#calls.get(id) ?? []));
    const isKnown = (traceId: string, spanId: string): boolean => this.#known.has(`${traceId}-${spanId}`);
    const { outside } = this.#options;
    const began = (call: RebuiltCall | undefined): void => onComponent(call?.processing.component);
    const result = tellWrite(opener, source, { sending, delivered }, [...calls], { isKnown, outside }, began);
    if (result === "untold") this.untold.writes++;
  }

  /** Whether some story of the entry is wanted. One that is in no trace begins one, whose id is not known yet. */
  #isWanted({ envelope }: LogEntry): boolean {
    const { wants } = this.#options;
    if (wants === undefined || envelope === undefined) return wants === undefined;
    const { traceparent, stories } = envelope;
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

function isSampled({ envelope }: LogEntry): boolean {
  return isFlaggedSampled(envelope?.traceparent ?? "");
}

/** Forgets the oldest. */
function forget(
  all: { readonly size: number; keys(): Iterable<string>; delete(key: string): boolean },
  most: number,
): void {
  for (const key of all.keys()) {
    if (all.size <= most) return;
    all.delete(key);
  }
}

/** One run of a source: its tools, from its beginning until it has ended or failed. */

import type { Carrier } from "../model/carrier.ts";
import { toCauses } from "../model/causes.ts";
import type { Channel } from "../model/channel.ts";
import { encodePayload } from "../model/envelope.ts";
import { ChannelError, ConfigError } from "../model/errors.ts";
import type { Cause, EventRef } from "../model/event.ts";
import { deriveEventId } from "../model/event-id.ts";
import { payloadToPublish } from "../model/json-survival.ts";
import { sliceOfSource } from "../model/source-names.ts";
import { requireWellFormed } from "../model/well-formed-text.ts";
import type { Fence } from "../ownership/fence.ts";
import type { Tracing } from "../ports/tracing.ts";
import { dueAtOf } from "../publish/due.ts";
import { Outgoing } from "../publish/outgoing.ts";
import { partitionOf } from "../publish/placement.ts";
import type { Appends } from "./appends.ts";
import type { SourceEvent, SourceTools } from "./source.ts";

const maxEvents = 1_000;
const maxPositionLength = 1_024;

export interface RunScopeContext<P> {
  readonly source: string;
  readonly channel: Channel<P>;
  readonly partition: number;
  /** Of the namespace. */
  readonly partitions: number;
  readonly position: string | undefined;
  readonly fence: Fence;
  readonly appends: Pick<Appends, "add">;
  readonly tracing: Pick<Tracing, "send">;
  /** Called with the channel of each event. */
  readonly onChannel: (channel: Channel<unknown>) => void;
  /** Epoch ms. */
  readonly wallNow: () => number;
}

/** An event that can be appended, and the partition that it goes to. */
interface Prepared {
  readonly partition: number;
  readonly open: () => Outgoing;
}

export class RunScope<P> implements SourceTools<P> {
  readonly position: string | undefined;
  readonly partition: number;
  readonly fence: Fence;
  readonly signal: AbortSignal;
  readonly #context: RunScopeContext<P>;
  readonly #stop = new AbortController();
  /** The position of the last append that was called. */
  #last: string | undefined;
  /** The appends before the next one that wait for their schema; undefined where none does. */
  #turn: Promise<void> | undefined;
  /** Why nothing can be appended any more; undefined while something can. */
  #failure: Error | undefined;
  #hasAppended = false;

  constructor(context: RunScopeContext<P>) {
    this.#context = context;
    this.position = context.position;
    this.partition = context.partition;
    this.fence = context.fence;
    this.signal = this.#stop.signal;
    this.#last = context.position;
  }

  /** Something of it was written. */
  get hasAppended(): boolean {
    return this.#hasAppended;
  }

  /** The first append that failed, whether the run has heard of it or not. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The run must end; what it has received it may still append. */
  stop(reason: Error): void {
    this.#stop.abort(reason);
  }

  /** The run has ended: what is called later is refused. */
  close(): void {
    this.#failure ??= new ConfigError(
      `source "${this.#context.source}": append was called after its run had ended: await it inside the run`,
    );
    this.#stop.abort(this.#failure);
  }

  readonly append = (events: readonly SourceEvent<P>[], position: string): Promise<readonly EventRef[]> => {
    const appended = this.#append(events, position);
    // A failure that nobody awaits is the run's.
    appended.catch((error: Error) => this.#fail(error));
    return appended;
  };

  #append(events: readonly SourceEvent<P>[], position: string): Promise<readonly EventRef[]> {
    try {
      this.#refuse(events, position);
      this.#last = position;
      const payloads = events.map(({ payload }) => payloadToPublish(this.#context.channel, payload));
      const isReady = this.#turn === undefined && !payloads.some((payload) => payload instanceof Promise);
      return isReady ? this.#send(events, payloads as P[], position) : this.#sendInTurn(events, payloads, position);
    } catch (error) {
      this.#fail(error as Error); // before another append is called
      return Promise.reject(error);
    }
  }

  /** Sends when the schemas have answered, and the appends before this one are sent. */
  #sendInTurn(
    events: readonly SourceEvent<P>[],
    payloads: readonly (P | Promise<P>)[],
    position: string,
  ): Promise<readonly EventRef[]> {
    const validated = Promise.all(payloads);
    const { promise, resolve, reject } = Promise.withResolvers<readonly EventRef[]>();
    const send = async (before: Promise<void> | undefined): Promise<void> => {
      try {
        await Promise.all([before, validated]);
        if (this.#failure !== undefined) throw this.#failure;
        this.#send(events, await validated, position).then(resolve, reject);
      } catch (error) {
        this.#fail(error as Error);
        reject(error);
      }
    };
    const turn = send(this.#turn).then(() => {
      if (this.#turn === turn) this.#turn = undefined;
    });
    this.#turn = turn;
    return promise;
  }

  /** @throws what cannot be appended, before anything is sent */
  #send(events: readonly SourceEvent<P>[], payloads: readonly P[], position: string): Promise<readonly EventRef[]> {
    const { channel, appends, onChannel } = this.#context;
    // All that can be refused comes before the spans, which somebody has to end.
    const prepared = events.map((event, place) => this.#prepare(event, payloads[place] as P, position, place));
    this.#refuseMoreThanFits(prepared);
    onChannel(channel);
    const outgoing = prepared.map(({ open }) => open());
    return appends.add(outgoing, position).then((entryIds) => {
      this.#hasAppended = true;
      return outgoing.map(({ eventId, carrier }, i) => ({
        id: eventId,
        channel: channel.name,
        entryId: entryIds[i] ?? "",
        traceparent: carrier.traceparent,
        ...(carrier.stories && { stories: carrier.stories }),
      }));
    });
  }

  /** @throws what cannot be appended; `open` opens the span */
  #prepare(event: SourceEvent<P>, payload: P, position: string, place: number): Prepared {
    const { source, channel, partition: own, partitions, tracing, wallNow } = this.#context;
    const { causedBy, time = wallNow(), baggage, carrier } = event;
    const json = encodePayload(channel, payload);
    const key = channel.key(payload);
    const eventId = event.eventId ?? deriveEventId(position, `${sliceOfSource(source)}/${own}`, place);
    if (eventId === "" || eventId.length > 256)
      throw new ChannelError(`an eventId has 1 to 256 characters, not ${eventId.length}`);
    requireWellFormed("the eventId", eventId);
    const causes = causedBy === undefined ? noCauses : toCauses(causedBy);
    const partition = channel.placement === "source" || key === "" ? own : partitionOf(key, partitions);
    const correlation = channel.correlation(payload);
    const dueAt = dueAtOf(event);
    const from = carrier === undefined ? undefined : whole(carrier);
    const open = (): Outgoing => {
      const outgoing = new Outgoing(channel, partition, eventId, time, key, json, correlation, causes, baggage, dueAt);
      outgoing.under(tracing.send(outgoing, from));
      return outgoing;
    };
    return { partition, open };
  }

  /** @throws {ConfigError} on what would wait for ever */
  #refuseMoreThanFits(prepared: readonly Prepared[]): void {
    const { source, channel } = this.#context;
    if (channel.cap <= 0 || prepared.length <= channel.cap) return;
    for (const [partition, { length }] of Map.groupBy(prepared, (one) => one.partition)) {
      if (length > channel.cap)
        throw new ConfigError(
          `source "${source}": ${length} events at once for partition ${partition} of "${channel.name}", which takes ${channel.cap} (hardCap): ` +
            "they never fit. Append fewer at once",
        );
    }
  }

  #refuse(events: readonly SourceEvent<P>[], position: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    const of = `source "${this.#context.source}": `;
    if (events.length > maxEvents)
      throw new ConfigError(
        `${of}append takes up to ${maxEvents.toLocaleString("en")} events at once, not ${events.length}`,
      );
    if (typeof position !== "string" || position === "" || position.length > maxPositionLength)
      throw new ConfigError(`${of}a position is a text of 1 to ${maxPositionLength.toLocaleString("en")} characters`);
    requireWellFormed("the position", position);
    if (events.length > 0 && position === this.#last) {
      throw new ConfigError(
        `${of}the position is ${JSON.stringify(position)} already: events that do not move it would come in again, or never, after a crash`,
      );
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    // Not within the call: whoever begins to wait for the signal after it would wait for ever.
    queueMicrotask(() => this.#stop.abort(error));
  }
}

function whole({ traceparent = "", tracestate = "", baggage = "" }: Partial<Carrier>): Carrier {
  return { traceparent, tracestate, baggage };
}

const noCauses: readonly Cause[] = Object.freeze([]);

/** Publishing outside of handlers: validate, open the send span, encode, batch, append. */

import { toCauses } from "../model/causes.ts";
import type { Channel } from "../model/channel.ts";
import { encodePayload } from "../model/envelope.ts";
import { ChannelError, ConfigError, PublishError } from "../model/errors.ts";
import type { Cause, EventRef, Published } from "../model/event.ts";
import { newEventId } from "../model/event-id.ts";
import { payloadToPublish } from "../model/json-survival.ts";
import { requireWellFormed } from "../model/well-formed-text.ts";
import type { Appended, Appender, Partitioning } from "../ports/append.ts";
import type { SendSpan, Tracing } from "../ports/tracing.ts";
import { Batcher, type BatcherLimits } from "./batcher.ts";
import { dueAtOf } from "./due.ts";
import { partitionOf } from "./placement.ts";
import { Publication, PublishedTogether } from "./publication.ts";

/** The options of one publish. */
export interface PublishOptions {
  /**
   * A stable id of the caller's own, 1 to 256 characters of well-formed Unicode; with the channel's `dedupe` it is appended once.
   * Default: a new UUIDv7.
   */
  readonly eventId?: string;
  /** Epoch ms at which the event happened. Default: now. */
  readonly time?: number;
  /**
   * When its handlers may have it, epoch ms: until then every component parks it, and others of its key go on. It is in the log at once.
   * Default: at once.
   */
  readonly dueAt?: number;
  /** Events that this one was derived from. */
  readonly causedBy?: readonly EventRef[];
  /** Baggage for this event, over what `withBaggage` has set. Opaque ids only: the baggage stays in the log with the entry. */
  readonly baggage?: Readonly<Record<string, string>>;
  /**
   * Starts a new story, without the active span and the active baggage: for the edge of the trust boundary, where the active ones may be
   * a stranger's. In a `publishAll` either all events are detached or none.
   */
  readonly detached?: boolean;
}

/** One event of a `publishAll`. Made by `item`, which checks that the payload has the channel's type. */
export interface PublishItem {
  readonly channel: Channel<unknown>;
  readonly payload: unknown;
  readonly options: PublishOptions;
}

/** Makes an event for `publishAll`. */
export function item<P>(channel: Channel<P>, payload: P, options: PublishOptions = {}): PublishItem {
  return { channel, payload, options };
}

/** Publishes events outside of handlers. */
export class Producer {
  readonly #appender: Appender;
  readonly #tracing: Tracing;
  readonly #limits: BatcherLimits;
  readonly #partitioning: Partitioning;
  /** One for each partition; none until their count is known. */
  #batchers: readonly Batcher[] = [];
  /** Publishes that wait until it is, so that none overtakes another. */
  #waiting = 0;
  /** Set with the first publish. */
  #placing: Promise<void> | undefined;
  /** Called with the channel of each publish. */
  readonly #onChannel: (channel: Channel<unknown>) => void;
  #closed = false;

  constructor(
    appender: Appender,
    tracing: Tracing,
    partitioning: Partitioning,
    limits: BatcherLimits,
    onChannel: (channel: Channel<unknown>) => void,
  ) {
    this.#appender = appender;
    this.#tracing = tracing;
    this.#onChannel = onChannel;
    this.#limits = limits;
    this.#partitioning = partitioning;
  }

  publish<P>(channel: Channel<P>, payload: P, options: PublishOptions = noOptions): Promise<Published> {
    try {
      const checked = payloadToPublish(channel, payload);
      if (checked instanceof Promise) return checked.then((valid) => this.#publishPlaced(channel, valid, options));
      return this.#publishPlaced(channel, checked, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Appends all events or none. @throws {ChannelError} when the keys put them into different partitions */
  async publishAll(items: readonly PublishItem[]): Promise<readonly Published[]> {
    if (items.length === 0) return [];
    if (items.length > 1_000) throw new ConfigError(`publishAll takes up to 1,000 events at once, not ${items.length}`);
    const payloads: unknown[] = [];
    for (const { channel, payload } of items) payloads.push(await payloadToPublish(channel, payload));
    this.#refuseWhenClosed();
    if (!this.#isPlaced) return this.#whenPlaced(() => this.#publishTogether(items, payloads));
    return this.#publishTogether(items, payloads);
  }

  async #publishTogether(items: readonly PublishItem[], payloads: readonly unknown[]): Promise<readonly Published[]> {
    const prepared = items.map(({ channel, options }, i) => this.#prepare(channel, payloads[i], options));
    const { partition } = prepared[0] as Publication;
    if (prepared.some((one) => one.partition !== partition)) {
      throw new ChannelError("publishAll is atomic within a partition only, and these events' keys lie in several");
    }
    const open = (): readonly SendSpan[] => this.#tracing.sendAll(prepared);
    const detached = items.filter(({ options }) => options.detached === true).length;
    if (detached > 0 && detached < items.length) {
      throw new ConfigError("a publishAll has one story: either all of its events are detached, or none is");
    }
    const spans = detached > 0 ? this.#tracing.atRoot(open) : open();
    for (let i = 0; i < prepared.length; i++) (prepared[i] as Publication).under(spans[i] as SendSpan);
    const results = await new Promise<readonly Appended[]>((resolve, reject) => {
      this.#batcherOf(partition).add(new PublishedTogether(prepared, resolve, reject));
    });
    const reasons = results.flatMap((result) => ("refused" in result ? [result.refused] : []));
    if (reasons.length > 0) {
      const reason = reasons.find((text) => !text.startsWith("another entry")) ?? reasons[0];
      const error = new PublishError("rejected", `publishAll was refused as a whole: ${reason}`);
      for (const one of prepared) one.unsent(error);
      throw error;
    }
    return results.map((result, i) => (prepared[i] as Publication).appended(result));
  }

  /** Waits for publishes under way and closes the connection. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#placing?.catch(() => undefined); // those that wait hear of it
    await Promise.all(this.#batchers.map((batcher) => batcher.flushed()));
    await this.#appender.close();
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new PublishError("rejected", "the backbone is closed: nothing was sent");
  }

  /** Whether an event's partition can be told, and no earlier publish waits for that. */
  get #isPlaced(): boolean {
    return this.#waiting === 0 && this.#batchers.length > 0;
  }

  #publishPlaced<P>(channel: Channel<P>, payload: P, options: PublishOptions): Promise<Published> {
    this.#refuseWhenClosed();
    if (this.#isPlaced) return this.#publish(channel, payload, options);
    return this.#whenPlaced(() => this.#publish(channel, payload, options));
  }

  /** Publishes once the partitions are known; those that wait go in the order of the calls. */
  #whenPlaced<T>(publish: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#limits.maxPending) {
      const text = `${this.#waiting} publishes are waiting for Redis already; nothing was sent. Publish more slowly, or raise maxPending`;
      return Promise.reject(new PublishError("rejected", text));
    }
    this.#waiting++;
    this.#placing ??= this.#place();
    return this.#placing.then(
      () => {
        this.#waiting--;
        return publish();
      },
      (error: unknown) => {
        this.#waiting--;
        throw error;
      },
    );
  }

  async #place(): Promise<void> {
    try {
      await this.#partitioning.known(this.#limits.publishTimeoutMs);
      const length = this.#partitioning.count ?? 0;
      this.#batchers = Array.from({ length }, (_, partition) => new Batcher(this.#appender, partition, this.#limits));
    } catch (error) {
      this.#placing = undefined; // tried again by the next publish
      throw error;
    }
  }

  #prepare<P>(channel: Channel<P>, payload: P, options: PublishOptions): Publication {
    this.#onChannel(channel);
    const json = encodePayload(channel, payload);
    const key = channel.key(payload);
    const id = options.eventId ?? newEventId();
    if (id === "" || id.length > 256) throw new ChannelError(`an eventId has 1 to 256 characters, not ${id.length}`);
    requireWellFormed("the eventId", id);
    const causes = options.causedBy === undefined ? noCauses : toCauses(options.causedBy);
    const partition = partitionOf(key === "" ? id : key, this.#batchers.length);
    const time = options.time ?? Date.now();
    const correlation = channel.correlation(payload);
    return new Publication(
      channel,
      partition,
      id,
      time,
      key,
      json,
      correlation,
      causes,
      options.baggage,
      dueAtOf(options),
    );
  }

  #publish<P>(channel: Channel<P>, payload: P, options: PublishOptions): Promise<Published> {
    const publication = this.#prepare(channel, payload, options);
    const tracing = this.#tracing;
    const span =
      options.detached === true ? tracing.atRoot(() => tracing.send(publication)) : tracing.send(publication);
    publication.under(span);
    const published = publication.published();
    this.#batcherOf(publication.partition).add(publication);
    return published;
  }

  /** Gives the batcher. Redis instrumentation is silenced in its connection, batch by batch, not here for each publish. */
  #batcherOf(partition: number): Batcher {
    return this.#batchers[partition] as Batcher;
  }
}

const noOptions: PublishOptions = Object.freeze({});
const noCauses: readonly Cause[] = Object.freeze([]);

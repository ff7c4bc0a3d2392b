/** What a service engineer writes: handlers, the tools that they are given, and `on`, which binds one to a channel. */

import { type Channel, type RetryPolicy, resolveRetry } from "../channel.ts";
import { ConfigError } from "../errors.ts";
import type { Event, EventRef } from "../event.ts";

/** How an output differs from its defaults. */
export interface OutputOptions {
  /** Domain causes beside the events being handled; each becomes a link of the output's span and a cause on its entry. */
  readonly causedBy?: readonly EventRef[];
  /** Epoch ms; default: now. */
  readonly time?: number;
}

/**
 * Publishes as part of the delivery's settlement: nothing is appended before the handler returns, and nothing at all
 * if it throws. The reference's `entryId` is empty until then.
 * @throws {PayloadError}
 */
export type PublishOutput = <P>(channel: Channel<P>, payload: P, options?: OutputOptions) => Promise<EventRef>;

/**
 * A component's durable keyed state: JSON values, one store per name, kept per partition. Writes commit with the
 * settlement. If another delivery changed a key that this one has read, nothing is written and the handler runs again
 * on the new state. Each throws a `ChannelError` on a key that is no well-formed Unicode.
 */
export interface StateStore<V> {
  get(key: string): Promise<V | undefined>;
  set(key: string, value: V): void;
  delete(key: string): void;
}

/** What handlers of one event and of a batch have in common. */
interface CommonTools {
  readonly publish: PublishOutput;
  readonly state: <V>(store: string) => StateStore<V>;
  /** Aborts when the drain has run out of time: what is not settled by then stays pending. */
  readonly signal: AbortSignal;
  /** Which attempt this is, from 1; in a batch the highest of its events. */
  readonly attempt: number;
}

export interface Tools extends CommonTools {
  /** Idempotency key for an effect outside Redis, the same on every attempt at this event by this component. */
  readonly effectId: string;
}

export interface BatchTools extends CommonTools {
  /** As `effectId`, for one event of the batch. */
  readonly effectIdOf: (event: EventRef) => string;
}

export type Handler<P> = (event: Event<P>, tools: Tools) => void | Promise<void>;
export type BatchHandler<P> = (events: readonly Event<P>[], tools: BatchTools) => void | Promise<void>;

export interface BatchOptions {
  /** Most events in a batch, from 1. */
  readonly maxSize: number;
  /** How long the first event of a batch waits for others, ms. A batch also fills while an earlier one is being handled. */
  readonly maxWaitMs: number;
}

export interface SubscriptionOptions {
  /** Overrides the channel's policy, setting by setting. */
  readonly retry?: RetryPolicy;
}

export interface BatchSubscriptionOptions extends SubscriptionOptions {
  readonly batch: BatchOptions;
}

/** A handler bound to a channel. Made by `on`, given to `backbone.component`. */
export interface Subscription {
  readonly channel: Channel<unknown>;
  readonly retry: Required<RetryPolicy>;
  readonly handling:
    | { readonly mode: "single"; handle(event: Event<unknown>, tools: Tools): void | Promise<void> }
    | {
        readonly mode: "batch";
        handle(events: readonly Event<unknown>[], tools: BatchTools): void | Promise<void>;
        readonly maxSize: number;
        readonly maxWaitMs: number;
      };
}

/** Binds a handler to a channel. With `batch`, the handler gets up to `maxSize` events and settles them together. */
export function on<P>(channel: Channel<P>, handle: Handler<P>): Subscription;
export function on<P>(channel: Channel<P>, options: BatchSubscriptionOptions, handle: BatchHandler<P>): Subscription;
export function on<P>(channel: Channel<P>, options: SubscriptionOptions, handle: Handler<P>): Subscription;
export function on<P>(
  channel: Channel<P>,
  optionsOrHandle: Handler<P> | SubscriptionOptions | BatchSubscriptionOptions,
  handle?: Handler<P> | BatchHandler<P>,
): Subscription {
  const options = typeof optionsOrHandle === "function" ? {} : optionsOrHandle;
  const given = typeof optionsOrHandle === "function" ? optionsOrHandle : handle;
  if (typeof given !== "function") throw new ConfigError(`on("${channel.name}", …) needs a handler function`);
  for (const option of Object.keys(options)) {
    if (option !== "retry" && option !== "batch") throw new ConfigError(`a subscription has no option "${option}"`);
  }
  const batch =
    "batch" in options ? resolveBatch(channel.name, (options as BatchSubscriptionOptions).batch) : undefined;
  // A channel's payload type is erased here: from now on the channel's schema is what guarantees it.
  return Object.freeze({
    channel,
    retry: resolveRetry(options.retry, `subscription to "${channel.name}"`, channel.retry),
    handling:
      batch === undefined
        ? { mode: "single" as const, handle: given as Handler<unknown> }
        : { mode: "batch" as const, handle: given as BatchHandler<unknown>, ...batch },
  });
}

function resolveBatch(channel: string, batch: BatchOptions): BatchOptions {
  const { maxSize, maxWaitMs, ...unknown } = batch;
  const [option] = Object.keys(unknown);
  if (option !== undefined) throw new ConfigError(`subscription to "${channel}": batch has no option "${option}"`);
  if (!Number.isInteger(maxSize) || maxSize < 1 || maxSize > 1_000) {
    throw new ConfigError(
      `subscription to "${channel}": batch.maxSize is ${maxSize}; it must be a whole number, 1 to 1,000`,
    );
  }
  if (!(maxWaitMs >= 0 && maxWaitMs <= 60_000)) {
    throw new ConfigError(`subscription to "${channel}": batch.maxWaitMs is ${maxWaitMs}; it must be 0 to 60,000`);
  }
  return { maxSize, maxWaitMs };
}

/** What a service engineer writes: handlers, the tools that they are given, and `on`, which binds one to a channel. */

import { type Channel, type RetryPolicy, resolveRetry } from "../model/channel.ts";
import { ConfigError } from "../model/errors.ts";
import type { Event, EventRef } from "../model/event.ts";
import type { Fence } from "../ownership/fence.ts";

/** How an output differs from its defaults. */
export interface OutputOptions {
  /** Domain causes beside the events being handled; each becomes a link of the output's span and a cause on its entry. */
  readonly causedBy?: readonly EventRef[];
  /** Epoch ms; default: now. */
  readonly time?: number;
  /** When its handlers may have it, epoch ms: until then every component parks it. Default: at once. */
  readonly dueAt?: number;
}

/**
 * Publishes as part of the delivery's settlement: nothing is appended before the handler returns, and nothing at all
 * if it throws. The reference's `entryId` is empty until then.
 * @throws {PayloadError}
 */
export type PublishOutput = <P>(channel: Channel<P>, payload: P, options?: OutputOptions) => Promise<EventRef>;

/**
 * A component's durable keyed state: JSON values, one store per name, kept per partition. Writes commit with the
 * settlement. If another handler changed a key that this one has read, nothing is written and the handler runs again
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
  /**
   * Aborts when the partition has another owner, or the drain has run out of time (what is not settled by then stays open), or when `handlerTimeoutMs` is over (the attempt
   * has failed). From then on `publish` and `state` are refused, and nothing of the attempt is written.
   */
  readonly signal: AbortSignal;
  /**
   * The number of this ownership. A system outside Redis that keeps the greatest fence it saw, and refuses a lower epoch, and the same epoch
   * with another token, cannot be written to by a former owner that does not know yet that it is one.
   */
  readonly fence: Fence;
  /** The partition that is handled. */
  readonly partition: number;
  /** Which attempt this is, from 1; in a batch the highest of its events. */
  readonly attempt: number;
}

export interface Tools extends CommonTools {
  /** Idempotency key for an effect outside Redis, the same on every attempt at this event by this component. */
  readonly effectId: string;
  /**
   * The baggage of the event, by key: what it carries, and what its channel's correlation names. A `|` separates several values. It is
   * telemetry: whoever may publish can put anything there, so it authorizes nothing.
   */
  readonly baggage: Readonly<Record<string, string>>;
}

export interface BatchTools extends CommonTools {
  /** As `effectId`, for one event of the batch. */
  readonly effectIdOf: (event: EventRef) => string;
  /** As `baggage`, for one event of the batch. */
  readonly baggageOf: (event: EventRef) => Readonly<Record<string, string>>;
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
  /**
   * How long a handler may take, ms, its publishes included. Then its `signal` aborts, and the attempt has failed with a
   * `HandlerTimeoutError`: it is retried as the policy says, and the next event of its key goes on, although the handler may still run. What
   * it does from then on outside Redis can overlap with both, so it should heed `signal`, and use `effectId`. A batch that takes longer is
   * handled event by event, each with this time of its own. A handler that does not let go of the process's thread cannot be cut.
   * Default: none.
   */
  readonly handlerTimeoutMs?: number;
}

export interface BatchSubscriptionOptions extends SubscriptionOptions {
  readonly batch: BatchOptions;
}

const subscriptionOptions: ReadonlySet<string> = new Set(["retry", "batch", "handlerTimeoutMs"]);

/** A handler bound to a channel. Made by `on`, given to `backbone.component`. */
export interface Subscription {
  readonly channel: Channel<unknown>;
  readonly retry: Required<RetryPolicy>;
  /** Undefined: its handler may take as long as it likes. */
  readonly handlerTimeoutMs: number | undefined;
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
    if (!subscriptionOptions.has(option)) throw new ConfigError(`a subscription has no option "${option}"`);
  }
  const batch =
    "batch" in options ? resolveBatch(channel.name, (options as BatchSubscriptionOptions).batch) : undefined;
  // A channel's payload type is erased here: from now on the channel's schema is what guarantees it.
  return Object.freeze({
    channel,
    retry: resolveRetry(options.retry, `subscription to "${channel.name}"`, channel.retry),
    handlerTimeoutMs: resolveHandlerTimeout(channel.name, options.handlerTimeoutMs),
    handling:
      batch === undefined
        ? { mode: "single" as const, handle: given as Handler<unknown> }
        : { mode: "batch" as const, handle: given as BatchHandler<unknown>, ...batch },
  });
}

function resolveHandlerTimeout(channel: string, timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined || (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= 86_400_000))
    return timeoutMs;
  throw new ConfigError(
    `subscription to "${channel}": handlerTimeoutMs is ${timeoutMs}; it must be a whole number from 1 to 86400000`,
  );
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

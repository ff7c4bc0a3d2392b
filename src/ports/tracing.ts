/** Spans and metrics, as the core needs them: what each is told, and what an entry gets of them. */

import type { Carrier } from "../model/carrier.ts";
import type { Correlation } from "../model/channel.ts";
import type { Cause } from "../model/event.ts";

/** What a span is told about the channel; the same frozen object for every event of it. */
export interface TracedChannel {
  readonly name: string;
  readonly topology: "parent" | "link";
}

/** An event about to be published. */
export interface Sending {
  readonly channel: TracedChannel;
  readonly partition: number;
  readonly eventId: string;
  readonly correlation: Correlation;
  /** Domain causes as the publisher stated them; the event being handled is not among them unless stated. */
  readonly causes: readonly Cause[];
  /** Explicit baggage of this publish, over what is active. */
  readonly baggage: Readonly<Record<string, string>> | undefined;
}

/** A send span. It is ended exactly once, by `sent` or `failed`. */
export interface SendSpan {
  /** What to write into the entry. */
  readonly carrier: Carrier;
  sent(entryId: string): void;
  failed(error: unknown): void;
}

/** One entry of a delivery, as the process span needs it. */
export interface Delivered {
  readonly entryId: string;
  readonly eventId: string;
  readonly carrier: Carrier;
  readonly causes: readonly Cause[];
  readonly correlation: Correlation;
  /** Epoch ms at which the event happened, on its producer's clock. */
  readonly time: number;
  /** Traceparent of the timer that brought it back for a retry; absent or empty where none did or nothing was traced. */
  readonly wokenBy?: string;
}

/** An attempt at one delivery, or at a batch of them. */
export interface Processing {
  readonly channel: TracedChannel;
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  /** One for a single delivery and for a batch of one. */
  readonly entries: readonly Delivered[];
  readonly attempt: number;
  /** Whether the delivery was taken over from another member. */
  readonly claimed: boolean;
}

/** How an attempt ended. `conflict`: it runs again because its state had changed. `abandoned`: the drain ran out of time. */
export type Outcome = "acked" | "retried" | "deadLettered" | "fenced" | "conflict" | "abandoned";

/** The span of one attempt, open until `settled`. */
export interface ProcessSpan {
  /** Runs the handler with the span and the event's baggage active. */
  run<T>(handle: () => T): T;
  /** The send span of an output, a child of this one. */
  send(sending: Sending): SendSpan;
  /** The span of writing the dead letter, a child of this one; `failed` or `sent` ends it. */
  sendDead(): SendSpan;
  /** Traceparent of this span, empty where nothing is traced. */
  readonly traceparent: string;
  /** The settlement is known; ends the span. `error` where a handler or a decode failed. */
  settled(outcome: Outcome, error?: unknown): void;
}

/** A replay: recorded events are worked on again. */
export interface Replaying {
  readonly runId: string;
  /** The channels that it reads. */
  readonly channels: readonly string[];
  /** Whose handlers run; absent where events are republished. */
  readonly component?: string;
}

/** A recorded event about to be published again. */
export interface Republishing {
  readonly channel: TracedChannel;
  readonly partition: number;
  /** The one that it gets. */
  readonly eventId: string;
  /** As recorded. Its baggage is kept as it is; its trace is linked to, never continued. */
  readonly carrier: Carrier;
}

/** The span of a replay, open until `ended`. */
export interface ReplaySpan {
  /** Traceparent of the run, empty where nothing is traced. */
  readonly traceparent: string;
  /**
   * As `Tracing.process`, in a new trace that links to the original context and to the run. What the handler publishes has no span,
   * as it is sent nowhere, and nothing of it is measured: metrics are about what is live.
   */
  process(processing: Processing): ProcessSpan;
  /** The send span of an event that is republished, in a new trace that links to the original context and to the run. */
  republish(republishing: Republishing): SendSpan;
  /** Ends the span. `error` where the replay itself failed. */
  ended(entries: number, error?: unknown): void;
}

/** Runs our own Redis commands so that the user's Redis instrumentation makes no spans of them. */
export type Quietly = <T>(run: () => T) => T;

/** One method per moment of an event's way; the only thing through which the core speaks of spans and metrics. None throws. */
export interface Tracing {
  /** A publish outside of any handler. */
  send(sending: Sending): SendSpan;
  /** `publishAll`: a create span each, and one send span that links to them; ends with the last of the returned spans. */
  sendAll(sendings: readonly Sending[]): readonly SendSpan[];
  process(processing: Processing): ProcessSpan;
  /** Opens the span of a replay, in a trace of its own. */
  replay(replaying: Replaying): ReplaySpan;
  /** Traceparent of the span that is active; empty where there is none. */
  active(): string;
  /** Runs our own Redis commands so that the user's Redis instrumentation makes no spans of them. */
  quietly<T>(run: () => T): T;
  /** Starts a loop or timer under the root context, so that nothing it does inherits the span of whoever started it. */
  atRoot<T>(run: () => T): T;
  /** Entries that were trimmed or deleted before the component had handled them. */
  lost(channel: string, component: string, count: number): void;
  /** Entries that retention removed. */
  trimmed(channel: string, count: number): void;
  /** Registers gauges that are read when metrics are collected; the returned function removes them. */
  observe(read: () => Promise<readonly GroupGauges[]>): () => void;
  /** As `observe`, for the handlers that run: they are told whether Redis answers or not. */
  observeHandlers(read: () => readonly HandlerGauge[]): () => void;
}

/** How long the oldest handler of a channel has run, ms; 0 where none runs. */
export interface HandlerGauge {
  readonly channel: string;
  readonly component: string;
  readonly ranMs: number;
}

/** Where a component stands on a channel, for gauges and `status`. */
export interface GroupGauges {
  readonly channel: string;
  readonly component: string;
  readonly lagEntries: number;
  readonly lagMs: number;
  readonly pending: number;
  readonly parked: number;
  readonly deadLetters: number;
}

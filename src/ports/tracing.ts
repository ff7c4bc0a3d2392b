/** Tracing and metrics: the only role through which the core reports spans and measurements. */

import type { Carrier } from "../model/carrier.ts";
import type { Correlation } from "../model/channel.ts";
import type { Cause } from "../model/event.ts";

/** The facts of a channel for its spans; the same frozen object for every event of the channel. */
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
  /** Domain causes as the publisher stated them; the event being handled is among them only if stated. */
  readonly causes: readonly Cause[];
  /** Baggage that this publish sets itself, over the active baggage. */
  readonly baggage: Readonly<Record<string, string>> | undefined;
}

/** A send span. `sent` or `failed` ends it, exactly once. */
export interface SendSpan {
  /** The trace fields to write into the entry. */
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
  /** Traceparent of the attempt before, where this process was told of it; absent or empty otherwise. */
  readonly triedBy?: string;
}

/** An attempt at one delivery, or at a batch of them. */
export interface Processing {
  readonly channel: TracedChannel;
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  /** One entry for a single delivery and for a batch of one. */
  readonly entries: readonly Delivered[];
  readonly attempt: number;
  /** True where the delivery was taken over from another member. */
  readonly claimed: boolean;
  /** Number of the ownership in which it runs. Default 0. */
  readonly epoch?: number;
  /** Counts from 0 the times that the handler began within the attempt. Default 0. */
  readonly run?: number;
}

/**
 * The end of an attempt. `conflict`: the attempt runs again because its state had changed. `abandoned`: the drain ran out of time.
 * `owner_lost`: its process died, as whoever took over tells.
 */
export type Outcome = "acked" | "retried" | "deadLettered" | "fenced" | "conflict" | "abandoned" | "owner_lost";

/** The span of one attempt, open until `settled`. */
export interface ProcessSpan {
  /** Runs the handler with the span and the event's baggage active. */
  run<T>(handle: () => T): T;
  /** Opens the send span of an output, a child of this span. */
  send(sending: Sending): SendSpan;
  /** Opens the span of writing the dead letter, a child of this span; `failed` or `sent` ends it. */
  sendDead(): SendSpan;
  /** Traceparent of this span, empty where nothing is traced. */
  readonly traceparent: string;
  /** The baggage of one of the entries, by its event's id: what it carries, and what its channel's correlation names. */
  baggageOf(eventId: string): ReadonlyMap<string, string>;
  /** Records the settlement's outcome and ends the span. `error` where a handler or a decode failed. */
  settled(outcome: Outcome, error?: unknown): void;
}

/** A replay: recorded events are handled or republished. */
export interface Replaying {
  readonly runId: string;
  /** The channels that the replay reads. */
  readonly channels: readonly string[];
  /** The component whose handlers run; absent where events are republished. */
  readonly component?: string;
}

/** A recorded event about to be published again. */
export interface Republishing {
  readonly channel: TracedChannel;
  readonly partition: number;
  /** The id that the republished event gets. */
  readonly eventId: string;
  /** The recorded trace fields. The baggage is kept; the trace is linked to, never continued. */
  readonly carrier: Carrier;
}

/** The span of a replay, open until `ended`. */
export interface ReplaySpan {
  /** Traceparent of the run, empty where nothing is traced. */
  readonly traceparent: string;
  /**
   * Opens a process span as `Tracing.process` does, in a new trace that links to the original context and to the run. Publishes of the
   * handler get no span, because they are not sent, and no metric is recorded: metrics describe live traffic.
   */
  process(processing: Processing): ProcessSpan;
  /** Opens the send span of a republished event, in a new trace that links to the original context and to the run. */
  republish(republishing: Republishing): SendSpan;
  /** Ends the span. `error` where the replay itself failed. */
  ended(entries: number, error?: unknown): void;
}

/** Runs Throughline's own Redis commands so that the user's Redis instrumentation makes no spans of them. */
export type Quietly = <T>(run: () => T) => T;

/** The end of a source's run. `handedOver`: it was told to end, as its partition went to another process, was lost, or the source closed. */
export type SourceEnd = "ended" | "failed" | "handedOver";

/** Reports each moment of an event's way, a method for each. No method throws. */
export interface Tracing {
  /** Opens the send span of a publish outside of any handler: under the active span, or with `from` under the one that it names. */
  send(sending: Sending, from?: Carrier): SendSpan;
  /** Opens a create span for each event of a `publishAll`, and one send span that links to them and ends with the last of them. */
  sendAll(sendings: readonly Sending[]): readonly SendSpan[];
  /** Opens the process span of an attempt. */
  process(processing: Processing): ProcessSpan;
  /** The component of the attempt of this backbone whose handler runs here; undefined outside of handlers. */
  handling(): string | undefined;
  /** Makes the spans of an attempt whose process died, as far as it is known. */
  lostAttempt(processing: Processing, error: Error): void;
  /** Opens the span of a replay, in a trace of its own. */
  replay(replaying: Replaying): ReplaySpan;
  /** Runs Throughline's own Redis commands so that the user's Redis instrumentation makes no spans of them. */
  quietly<T>(run: () => T): T;
  /** Starts a loop or timer under the root context, so that it does not inherit the span of its starter. */
  atRoot<T>(run: () => T): T;
  /** Counts a run of a source that has ended. `component`: the source's slice. */
  sourceRan(component: string, partition: number, end: SourceEnd): void;
  /** Counts a partition that was taken from an owner which had fallen silent. `component`: of a source its slice. */
  tookOver(component: string, partition: number): void;
  /** Counts deliveries whose settlement the store has refused, each time that it was tried. */
  refused(component: string, partition: number, count: number): void;
  /** Counts entries that were trimmed or deleted before the component handled them. */
  lost(channel: string, component: string, count: number): void;
  /** Counts entries that retention removed. */
  trimmed(channel: string, count: number): void;
  /** Registers gauges that are read when metrics are collected; the returned function removes them. */
  observe(read: () => Promise<ComponentGauges>): () => void;
  /** Registers gauges of what this process owns, which are read whether Redis answers or not; the returned function removes them. */
  observeOwned(read: () => readonly OwnedGauge[]): () => void;
  /** Registers gauges of running handlers, which are read whether Redis answers or not; the returned function removes them. */
  observeHandlers(read: () => readonly HandlerGauge[]): () => void;
  /** Registers gauges of which components and sources can work, which are read whether Redis answers or not; the returned function removes them. */
  observeReadiness(read: () => readonly ReadinessGauge[]): () => void;
}

/** Running time of a channel's oldest handler, ms; 0 where none runs. */
export interface HandlerGauge {
  readonly channel: string;
  readonly component: string;
  readonly ranMs: number;
}

/** A component's lag and open deliveries on a channel, in one partition. */
export interface GroupGauges {
  readonly channel: string;
  readonly component: string;
  readonly partition: number;
  readonly lagEntries: number;
  readonly lagMs: number;
  readonly pending: number;
  readonly parked: number;
  readonly deadLetters: number;
}

/** The ownership of a component's partition. */
export interface EpochGauge {
  readonly component: string;
  readonly partition: number;
  /** 0 where nobody owns it. */
  readonly epoch: number;
}

/** Gauges of components that Redis is asked for. */
export interface ComponentGauges {
  readonly groups: readonly GroupGauges[];
  readonly epochs: readonly EpochGauge[];
  readonly relays: readonly RelayGauge[];
}

/** Outputs of a component's partition that wait to be moved to other nodes. */
export interface RelayGauge {
  readonly component: string;
  readonly partition: number;
  readonly outputs: number;
  /** Age of the oldest, ms; 0 where none waits. */
  readonly oldestMs: number;
}

/** Whether a member of this process owns a component's partition. */
export interface OwnedGauge {
  readonly component: string;
  readonly partition: number;
  readonly isOwned: boolean;
}

/** Whether a component, or a source under the name of its slice, can work in this process. */
export interface ReadinessGauge {
  readonly component: string;
  readonly isReady: boolean;
}

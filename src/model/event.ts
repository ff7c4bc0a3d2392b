/** What a handler sees of an event, and the reference by which others point at one. */

/** Where an event stands in the log. Plain JSON: it may be kept in state and given to `causedBy` later. */
export interface EventRef {
  /** The event's own id, the same on every redelivery, retry and replay comparison. */
  readonly id: string;
  readonly channel: string;
  /** `<ms>-<seq>` as Redis assigned it. Empty until the entry is appended: an output gets its entry at settlement. */
  readonly entryId: string;
  /** W3C traceparent of the span that published it; empty where no tracing was on. */
  readonly traceparent: string;
}

/** What a publish gives back. */
export interface Published extends EventRef {
  /**
   * Within the channel's dedupe window the event id was there already, and nothing was appended: `entryId` is where the first one
   * stands. Its payload and its trace may be others.
   */
  readonly isRepeat: boolean;
}

/** An event that another one was derived from. `traceparent` is empty where the cause was not traced. */
export interface Cause {
  readonly id: string;
  readonly traceparent: string;
}

/** A business fact as its handler gets it. */
export interface Event<P> extends EventRef {
  readonly payload: P;
  /** The ordering key, empty where the channel has none. */
  readonly key: string;
  /** When it happened, epoch ms on the producer's clock. */
  readonly time: number;
  /** What it was derived from; empty for a root event. */
  readonly causes: readonly Cause[];
}

/** The trace that an event belongs to, as tracing backends name it: 32 hexadecimal digits, empty where it was not traced. */
export function traceIdOf({ traceparent }: Pick<EventRef, "traceparent">): string {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent)?.[1] ?? "";
}

/** The reference alone, without payload: what belongs into state. */
export function refOf(event: EventRef): EventRef {
  return { id: event.id, channel: event.channel, entryId: event.entryId, traceparent: event.traceparent };
}

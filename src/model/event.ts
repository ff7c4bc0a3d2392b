/** An event as a handler sees it, and the reference by which others name it. */

/** A reference to an event in the log. Plain JSON: it may be kept in state and given to `causedBy` later. */
export interface EventRef {
  /** The event's own id, the same on every redelivery, retry and replay comparison. */
  readonly id: string;
  readonly channel: string;
  /** `<ms>-<seq>` as Redis assigned it. Empty until the entry is appended: an output gets its entry at settlement. */
  readonly entryId: string;
  /** W3C traceparent of the span that published the event; empty where it was not traced. */
  readonly traceparent: string;
  /** The sampled stories that an event of several belongs to, as its entry names them; absent where there is one at most. */
  readonly stories?: string;
}

/** The result of a publish. */
export interface Published extends EventRef {
  /**
   * True where the event id was already there within the channel's dedupe window, so that nothing was appended: `entryId` is the first
   * entry's, whose payload and trace may differ.
   */
  readonly isRepeat: boolean;
}

/** An event that another one was derived from. `traceparent` is empty where the cause was not traced. */
export interface Cause {
  readonly id: string;
  readonly traceparent: string;
  /** As in a reference to it. The entry of what was derived from it does not name it with the cause, but among its own stories. */
  readonly stories?: string;
}

/** A business fact as its handler gets it. */
export interface Event<P> extends EventRef {
  readonly payload: P;
  /** The ordering key, empty where the channel has none. */
  readonly key: string;
  /** Time at which the event happened, epoch ms on the producer's clock. */
  readonly time: number;
  /** The events that this one was derived from; empty for a root event. */
  readonly causes: readonly Cause[];
}

/** The id of the trace that an event belongs to: 32 hexadecimal digits, empty where the event was not traced. */
export function traceIdOf({ traceparent }: Pick<EventRef, "traceparent">): string {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent)?.[1] ?? "";
}

/** The reference alone, without the payload: the part of an event that is fit for state. */
export function refOf({ id, channel, entryId, traceparent, stories = "" }: EventRef): EventRef {
  return { id, channel, entryId, traceparent, ...(stories !== "" && { stories }) };
}

/** What every role of the store knows of a delivery. */

/** An entry of a channel, wherever it lies. */
export interface DeliveryId {
  readonly channel: string;
  readonly entryId: string;
}

/** What a dead letter says beside the original fields. */
export interface Obituary {
  readonly errorCode: string;
  readonly error: string;
  readonly attempts: number;
  /** Traceparent of the span that failed; empty where nothing was traced. */
  readonly traceparent: string;
}

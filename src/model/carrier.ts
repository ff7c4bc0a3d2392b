/** The carrier: the W3C trace context and baggage that travel with an entry. */

/**
 * The trace fields of an entry; each is empty where the entry has none.
 * @see https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/
 */
export interface Carrier {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
  /** The sampled stories that an event of several belongs to, with the ids of each; absent or empty where there is one story at most. */
  readonly stories?: string;
}

/** The carrier: the W3C trace context and baggage that travel with an entry. */

/** The W3C fields of an entry, each empty where there is none. */
export interface Carrier {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
}

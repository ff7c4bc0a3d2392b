/** The ids of a span that are known before it begins. */

/** The ids that a new span is to have, so that the log alone can tell them again. */
export interface SpanIdentity {
  /** The id of the trace that the span begins, where it is a root. Without it the trace id is drawn. */
  traceId?(): string;
  /** `parentSpanId`: "" at a root. */
  spanId(traceId: string, parentSpanId: string): string;
}

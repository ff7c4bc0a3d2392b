/** The fields of a span that has ended. */

import type { Attributes, Link, SpanContext, SpanStatusCode } from "@opentelemetry/api";

/** Most attributes, links and events of a span, each: the SDK's default. */
export const maxOfEach = 128;

export interface TimedEvent {
  readonly name: string;
  readonly ms: number;
  readonly ns: number;
  readonly attributes: Attributes | undefined;
  readonly droppedAttributes: number;
}

/** A span that has ended. Times are whole epoch ms, and nanoseconds beyond them. */
export interface EndedSpan {
  readonly own: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly name: string;
  readonly kind: number;
  /** Attributes that never change, the same object for many spans. */
  readonly statics: Attributes;
  readonly attributes: Attributes;
  /** Keys and values in turn, each key once; they override the attributes above. */
  readonly later: readonly unknown[];
  readonly droppedAttributes: number;
  readonly links: readonly Link[];
  readonly droppedLinks: number;
  readonly events: readonly TimedEvent[];
  readonly droppedEvents: number;
  readonly status: SpanStatusCode;
  readonly statusMessage: string;
  readonly startMs: number;
  readonly startNs: number;
  readonly endMs: number;
  readonly endNs: number;
}

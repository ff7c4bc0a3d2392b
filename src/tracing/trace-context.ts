/** W3C Trace Context: reads `traceparent` and `tracestate` as a span context, and writes them. */

import {
  createTraceState,
  INVALID_SPANID,
  INVALID_TRACEID,
  type SpanContext,
  TraceFlags,
  type TraceState,
} from "@opentelemetry/api";

const maxTracestateLength = 512;
const maxTracestateMembers = 32;
/** The exact length of version 00. Later versions may append fields, which are neither understood nor bounded. */
const traceparentLength = 55;
const maxTraceparentLength = 256;

const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]*)?$/;
/** Text of one byte a character. */
export const printableAscii: RegExp = /^[\x20-\x7e]*$/;

/** The ids and flags of a span. */
export class NamedSpan implements SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: TraceFlags;
  /** True when the span is that of an entry's writer. */
  readonly isRemote: boolean;
  readonly traceState?: TraceState;

  constructor(
    traceId: string,
    spanId: string,
    traceFlags: TraceFlags,
    isRemote: boolean,
    traceState: TraceState | undefined,
  ) {
    this.traceId = traceId;
    this.spanId = spanId;
    this.traceFlags = traceFlags;
    this.isRemote = isRemote;
    if (traceState !== undefined) this.traceState = traceState;
  }
}

export function isTraceparent(text: string): boolean {
  if (text.length < traceparentLength || text.length > maxTraceparentLength) return false;
  if (text.length > traceparentLength && text.startsWith("00")) return false;
  return traceparentPattern.test(text);
}

/** True where the text, if it is a `traceparent`, names a sampled span. For a first look, which most events do not get beyond. */
export function isFlaggedSampled(traceparent: string): boolean {
  if (traceparent.length < traceparentLength) return false;
  const digit = traceparent.charCodeAt(traceparentLength - 1);
  // The last of the flags' two digits is odd: of a…f those are b, d and f.
  return digit < 0x61 ? (digit & 1) === 1 : (digit & 1) === 0;
}

export function isTracestate(text: string): boolean {
  if (text.length > maxTracestateLength || !printableAscii.test(text)) return false;
  return text.split(",", maxTracestateMembers + 1).length <= maxTracestateMembers;
}

/** The span that a well-formed `traceparent` names; undefined for any other text. */
export function spanContextOf(traceparent: string, tracestate = ""): SpanContext | undefined {
  if (!isTraceparent(traceparent)) return undefined;
  return new NamedSpan(
    traceparent.slice(3, 35),
    traceparent.slice(36, 52),
    Number.parseInt(traceparent.slice(53, 55), 16) & TraceFlags.SAMPLED,
    true,
    tracestate === "" ? undefined : createTraceState(tracestate),
  );
}

/** True when the ids name a span. An SDK's ids are hex digits, and those of a carrier were checked when it was read. */
export function namesSpan({ traceId, spanId }: SpanContext): boolean {
  return traceId.length === 32 && spanId.length === 16 && traceId !== INVALID_TRACEID && spanId !== INVALID_SPANID;
}

/** The `traceparent` of a span, version 00; empty for a span that has no valid ids. */
export function traceparentOf(spanContext: SpanContext): string {
  if (!namesSpan(spanContext)) return "";
  const { traceId, spanId, traceFlags } = spanContext;
  return `00-${traceId}-${spanId}-${traceFlags & TraceFlags.SAMPLED ? "01" : "00"}`;
}

/** The `tracestate` of a span, as far as it may be written; most have none. */
export function tracestateOf({ traceState }: SpanContext): string {
  const text = traceState?.serialize() ?? "";
  return text === "" || isTracestate(text) ? text : "";
}

/** W3C Trace Context: `traceparent` and `tracestate` as the span that they name, and back. */

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
/** Version 00 is exactly this long; later versions may append fields, which are not understood and not bounded by them. */
const traceparentLength = 55;
const maxTraceparentLength = 256;

const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]*)?$/;
/** One byte a character. */
export const printableAscii: RegExp = /^[\x20-\x7e]*$/;

/** What a span is known by. */
export class NamedSpan implements SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: TraceFlags;
  /** Whether it is of whoever wrote an entry. */
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

/** Whether ids name a span at all. An SDK's are hex digits, and those of a carrier were looked at when it was read. */
export function namesSpan({ traceId, spanId }: SpanContext): boolean {
  return traceId.length === 32 && spanId.length === 16 && traceId !== INVALID_TRACEID && spanId !== INVALID_SPANID;
}

/** Version 00 of a span's own `traceparent`; empty for a span that is none. */
export function traceparentOf(spanContext: SpanContext): string {
  if (!namesSpan(spanContext)) return "";
  const { traceId, spanId, traceFlags } = spanContext;
  return `00-${traceId}-${spanId}-${traceFlags & TraceFlags.SAMPLED ? "01" : "00"}`;
}

/** A span's own `tracestate`, as far as it may be written; most have none. */
export function tracestateOf({ traceState }: SpanContext): string {
  const text = traceState?.serialize() ?? "";
  return text === "" || isTracestate(text) ? text : "";
}

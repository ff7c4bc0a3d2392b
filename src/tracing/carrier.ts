/**
 * Reads and writes the W3C fields of an entry: trace context and baggage, with limits before parsing.
 */

import type { SpanContext } from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import { ConfigError } from "../model/errors.ts";
import { isBaggageKey } from "./baggage-key.ts";
import { isTraceparent, isTracestate, spanContextOf } from "./trace-context.ts";

/** Baggage by key. A `|` in a value separates several values: an event may concern several orders. */
export type Baggage = ReadonlyMap<string, string>;

/** The limits of what travels with an event. They hold for writing and for reading. */
export interface CarrierLimits {
  /** Keys that may travel beside those that a channel's correlation names and those that came with the event being handled. */
  readonly allow: readonly string[];
  /** Longest baggage field, bytes. A longer one is dropped whole, unparsed. */
  readonly maxBaggageBytes: number;
  /** Most entries in a baggage field. A field with more is dropped whole. */
  readonly maxBaggageEntries: number;
  /** Longest encoded value, bytes. A longer value is dropped; a list is split between two of its values. */
  readonly maxBaggageValueBytes: number;
}

export const defaultLimits: CarrierLimits = Object.freeze({
  allow: Object.freeze([]),
  maxBaggageBytes: 1_024,
  maxBaggageEntries: 16,
  maxBaggageValueBytes: 128,
});

export const noBaggage: Baggage = new Map();

/** Why a key of an event was left out of its baggage; `full`: it does not fit beside what comes before it. */
export type LeftOut = "not-allowed" | "no-key" | "value" | "full";

/** Told of a key that was left out, as a whole or in part. */
export type OnLeftOut = (key: string, reason: LeftOut) => void;

/** The trace fields of an entry that is about to be written. */
export class TraceFields implements Carrier {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
  readonly stories: string;

  constructor(traceparent: string, tracestate: string, baggage: string, stories: string) {
    this.traceparent = traceparent;
    this.tracestate = tracestate;
    this.baggage = baggage;
    this.stories = stories;
  }
}

export const noCarrier: Carrier = Object.freeze(new TraceFields("", "", "", ""));

/** Called for a field that breaks a limit or a format; the event goes on without it. */
export type OnRejected = (field: keyof Carrier) => void;

/** Applies the defaults to the limits. @throws {ConfigError} */
export function resolveLimits(limits: Partial<CarrierLimits>): CarrierLimits {
  const resolved = { ...defaultLimits, ...limits };
  for (const key of resolved.allow) {
    if (typeof key !== "string" || !isBaggageKey(key))
      throw new ConfigError(
        `baggage.allow: "${key}" is no baggage key: it must be a token as in HTTP headers, of up to 128 characters, and none of ` +
          "messaging.*, throughline.*, server.address, server.port and error.type, which spans have of their own",
      );
  }
  for (const limit of ["maxBaggageBytes", "maxBaggageEntries", "maxBaggageValueBytes"] as const) {
    const value = resolved[limit];
    if (!Number.isInteger(value) || value < 0) {
      throw new ConfigError(`${limit} is ${value}; it must be a whole number from 0`);
    }
  }
  return Object.freeze(resolved);
}

/** The span that a carrier names; undefined where it names none. */
export function originOf({ traceparent, tracestate }: Carrier, onRejected: OnRejected): SpanContext | undefined {
  if (traceparent === "") return undefined;
  const isReadable = tracestate === "" || isTracestate(tracestate);
  const origin = spanContextOf(traceparent, isReadable ? tracestate : "");
  if (origin === undefined) onRejected("traceparent");
  else if (!isReadable) onRejected("tracestate");
  return origin;
}

/** The well-formed trace fields of a carrier: without a valid `traceparent` there is nothing to continue. */
export function readableCarrier(carrier: Carrier, onRejected: OnRejected): Carrier {
  const { traceparent, tracestate } = carrier;
  if (traceparent === "") return noCarrier;
  if (!isTraceparent(traceparent)) {
    onRejected("traceparent");
    return noCarrier;
  }
  if (tracestate === "" || isTracestate(tracestate)) return carrier;
  onRejected("tracestate");
  return new TraceFields(traceparent, "", carrier.baggage, carrier.stories ?? "");
}

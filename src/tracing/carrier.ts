/**
 * Reads and writes the W3C fields of an entry: trace context and baggage, with limits before parsing and an allow-list.
 */

import type { SpanContext } from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import type { Correlation } from "../model/channel.ts";
import { ConfigError } from "../model/errors.ts";
import { isTraceparent, isTracestate, printableAscii, spanContextOf } from "./trace-context.ts";

/** Baggage by key. A `|` in a value separates several values: an event may concern several orders. */
export type Baggage = ReadonlyMap<string, string>;

/** The limits of what travels with an event. They hold for writing and for reading. */
export interface CarrierLimits {
  readonly baggageKeys: readonly string[];
  /** Longest baggage field, bytes. A longer one is dropped whole, unparsed. */
  readonly maxBaggageBytes: number;
  /** Most entries in a baggage field. A field with more is dropped whole. */
  readonly maxBaggageEntries: number;
  /** Longest encoded value, bytes. A longer value is dropped; a list is split between two of its values. */
  readonly maxBaggageValueBytes: number;
}

export const defaultLimits: CarrierLimits = Object.freeze({
  baggageKeys: Object.freeze(["user.id", "client.order_id", "order.id"]),
  maxBaggageBytes: 1_024,
  maxBaggageEntries: 16,
  maxBaggageValueBytes: 128,
});

export const noBaggage: Baggage = new Map();

/** The trace fields of an entry that is about to be written. */
export class TraceFields implements Carrier {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;

  constructor(traceparent: string, tracestate: string, baggage: string) {
    this.traceparent = traceparent;
    this.tracestate = tracestate;
    this.baggage = baggage;
  }
}

export const noCarrier: Carrier = Object.freeze(new TraceFields("", "", ""));

/** Called for a field that breaks a limit or a format; the event goes on without it. */
export type OnRejected = (field: keyof Carrier) => void;

/** Separates the values of a list within one baggage value. It is a legal baggage octet, so that it costs one byte. */
const listSeparator = "|";

// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression searches for control characters
const controlCharacter = /[\x00-\x1f\x7f-\x9f]/;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const unreserved = /^[\w.~-]+$/;

/** Applies the defaults to the limits. @throws {ConfigError} */
export function resolveLimits(limits: Partial<CarrierLimits>): CarrierLimits {
  const resolved = { ...defaultLimits, ...limits };
  for (const key of resolved.baggageKeys) {
    if (!token.test(key))
      throw new ConfigError(`baggageKeys: "${key}" is no baggage key: it must be a token as in HTTP headers`);
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
  return new TraceFields(traceparent, "", carrier.baggage);
}

/** Decodes the allowed entries of a baggage field. A field that breaks a limit is dropped whole. */
export function decodeBaggage(text: string, limits: CarrierLimits, onRejected: OnRejected): Baggage {
  const baggage = new Map<string, string>();
  if (text === "") return baggage;
  // Only printable ASCII passes, so that the length is the number of bytes.
  if (text.length > limits.maxBaggageBytes || !printableAscii.test(text)) {
    onRejected("baggage");
    return baggage;
  }
  const members = text.split(",", limits.maxBaggageEntries + 1);
  if (members.length > limits.maxBaggageEntries) {
    onRejected("baggage");
    return baggage;
  }
  let rejected = false;
  for (const member of members) {
    const entry = decodeMember(member, limits);
    if (entry === "rejected") rejected = true;
    else if (entry !== undefined) {
      const before = baggage.get(entry.key);
      baggage.set(entry.key, before === undefined ? entry.value : joinValues([before, entry.value]));
    }
  }
  if (rejected) onRejected("baggage");
  return baggage;
}

type Entry = { readonly key: string; readonly value: string };

/** Decodes one entry. Undefined: its key is not allowed to travel. Properties after `;` are dropped. */
function decodeMember(member: string, limits: CarrierLimits): Entry | "rejected" | undefined {
  const pair = member.split(";", 1)[0] ?? "";
  const equals = pair.indexOf("=");
  const key = pair.slice(0, Math.max(equals, 0)).trim();
  if (key === "") return pair.trim() === "" ? undefined : "rejected";
  if (!limits.baggageKeys.includes(key)) return undefined;
  const encoded = pair.slice(equals + 1).trim();
  if (encoded.length > limits.maxBaggageValueBytes) return "rejected";
  const value = decodeValue(encoded);
  if (value === undefined || controlCharacter.test(value)) return "rejected";
  return value === "" ? undefined : { key, value };
}

function decodeValue(encoded: string): string | undefined {
  if (!encoded.includes("%")) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/**
 * Encodes baggage for an entry: the allowed keys, and as much of each as the limits take. A list that is too long for
 * one value continues under the same key, after every key has had its turn.
 */
export function encodeBaggage(baggage: Baggage, limits: CarrierLimits): string {
  return encodePlainBaggage(baggage, limits) ?? encodeAnyBaggage(baggage, limits);
}

/**
 * Encodes baggage of short plain ids, as nearly all is, without taking anything apart; undefined where it holds
 * anything else.
 */
function encodePlainBaggage(baggage: Baggage, limits: CarrierLimits): string | undefined {
  let text = "";
  for (const [key, value] of baggage) {
    if (value.length > limits.maxBaggageValueBytes || !unreserved.test(value)) return undefined;
    if (limits.baggageKeys.includes(key)) text = text === "" ? `${key}=${value}` : `${text},${key}=${value}`;
  }
  return baggage.size <= limits.maxBaggageEntries && text.length <= limits.maxBaggageBytes ? text : undefined;
}

/**
 * The baggage field of an output, from its own correlation and its event's field. Most are short plain ids, which need
 * not be taken apart. Undefined where either holds anything else.
 */
export function passedBaggage(field: string, correlation: Correlation, limits: CarrierLimits): string | undefined {
  const { baggageKeys, maxBaggageBytes, maxBaggageValueBytes } = limits;
  if (!isPlainBaggage(field, limits)) return undefined;
  let text = "";
  for (let i = 0; i < baggageKeys.length; i++) {
    const key = baggageKeys[i] as string;
    const own = correlation[key];
    let value: string | undefined;
    if (own === undefined || own === "") value = plainValueOf(field, key);
    else if (typeof own === "string" && unreserved.test(own)) value = own;
    if (value === undefined || value.length > maxBaggageValueBytes) return undefined;
    if (value !== "") text = text === "" ? `${key}=${value}` : `${text},${key}=${value}`;
  }
  return text.length > maxBaggageBytes ? undefined : text;
}

/** True for a field of short plain ids only, which `plainValueOf` can read. */
export function isPlainBaggage(field: string, limits: CarrierLimits): boolean {
  const { baggageKeys, maxBaggageBytes, maxBaggageEntries } = limits;
  if (field.length > maxBaggageBytes || maxBaggageEntries < maxPlainMembers || baggageKeys.length > maxPlainMembers)
    return false;
  return field === "" || plainField.test(field);
}

/** The value of a key in a plain field; empty where it has none, undefined where it has several. */
export function plainValueOf(field: string, key: string): string | undefined {
  const at = memberAt(field, key, 0);
  if (at < 0) return "";
  if (memberAt(field, key, at + 1) >= 0) return undefined;
  const end = field.indexOf(",", at);
  return field.slice(at + key.length + 1, end < 0 ? field.length : end);
}

/** The index at which the key's member begins in a plain field; -1 where there is none. */
function memberAt(field: string, key: string, from: number): number {
  for (let at = field.indexOf(key, from); at >= 0; at = field.indexOf(key, at + 1)) {
    const isWhole = field.charCodeAt(at + key.length) === 0x3d;
    if (isWhole && (at === 0 || field.charCodeAt(at - 1) === 0x2c)) return at;
  }
  return -1;
}

/** Most members of a plain field. */
const maxPlainMembers = 16;
const plainField = /^[\w.~-]+=[\w.~-]+(?:,[\w.~-]+=[\w.~-]+){0,15}$/;

function encodeAnyBaggage(baggage: Baggage, limits: CarrierLimits): string {
  let text = "";
  let entries = 0;
  const rests = new Map<string, readonly string[]>();
  for (const [key, value] of baggage) if (limits.baggageKeys.includes(key)) rests.set(key, encodeValues(value, limits));
  while (rests.size > 0 && entries < limits.maxBaggageEntries) {
    for (const [key, [encoded, ...rest]] of rests) {
      if (rest.length === 0) rests.delete(key);
      else rests.set(key, rest);
      const longer = text === "" ? `${key}=${encoded}` : `${text},${key}=${encoded}`;
      if (encoded === undefined || entries >= limits.maxBaggageEntries || longer.length > limits.maxBaggageBytes)
        continue;
      text = longer;
      entries += 1;
    }
  }
  return text;
}

/**
 * Encodes one value, or a list in several values. A value that does not fit whole is left out: half an id would be
 * another id.
 */
function encodeValues(value: string, { maxBaggageValueBytes }: CarrierLimits): readonly string[] {
  const encoded: string[] = [];
  let last = "";
  for (const one of splitValues(value)) {
    const next = encodeOne(one);
    if (next === undefined || next.length > maxBaggageValueBytes) continue;
    const longer = last === "" ? next : `${last}${listSeparator}${next}`;
    if (longer.length <= maxBaggageValueBytes) last = longer;
    else {
      encoded.push(last);
      last = next;
    }
  }
  return last === "" ? encoded : [...encoded, last];
}

function encodeOne(value: string): string | undefined {
  if (value === "" || controlCharacter.test(value)) return undefined;
  // A lone surrogate has no encoding.
  return value.isWellFormed() ? encodeURIComponent(value) : undefined;
}

/** Joins several values to one baggage value. */
export function joinValues(values: readonly string[]): string {
  return values.join(listSeparator);
}

/** Splits one baggage value into its values. */
export function splitValues(value: string): readonly string[] {
  return value.split(listSeparator);
}

/** Merges baggage: for each key the distinct values of all, in their order. The limits apply when it is encoded. */
export function mergeBaggage(all: readonly Baggage[]): Baggage {
  if (all.length === 1) return all[0] as Baggage;
  const merged = new Map<string, Set<string>>();
  for (const baggage of all) {
    for (const [key, value] of baggage) {
      const values = merged.get(key) ?? new Set();
      merged.set(key, values);
      for (const one of splitValues(value)) values.add(one);
    }
  }
  return new Map([...merged].map(([key, values]) => [key, joinValues([...values])]));
}

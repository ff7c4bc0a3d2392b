/**
 * Baggage of short plain ids, as nearly all is: its text is read and passed on as it stands, without taking it apart. Whatever else there
 * may be in a field is left to `baggage-field.ts`.
 */

import type { Correlation } from "../model/channel.ts";
import { isBaggageKey, plainField } from "./baggage-key.ts";
import type { Baggage, CarrierLimits } from "./carrier.ts";

/** Most members of a plain field. */
const maxPlainMembers = 16;
const unreserved = /^[\w.~-]+$/;

/** Encodes baggage of short plain ids; undefined where it holds anything else, or too much. */
export function encodePlainBaggage(baggage: Baggage, limits: CarrierLimits): string | undefined {
  if (baggage.size > limits.maxBaggageEntries) return undefined;
  let text = "";
  for (const [key, value] of baggage) {
    if (value.length > limits.maxBaggageValueBytes || !unreserved.test(value) || !isBaggageKey(key)) return undefined;
    text = text === "" ? `${key}=${value}` : `${text},${key}=${value}`;
  }
  return text.length <= limits.maxBaggageBytes ? text : undefined;
}

/**
 * The baggage field of an output: what its own correlation says, in its order, and after it what the field of its event has beside.
 * Undefined where either holds anything else than short plain ids, or both together too much.
 */
export function passedBaggage(field: string, correlation: Correlation, limits: CarrierLimits): string | undefined {
  if (!isPlainBaggage(field, limits)) return undefined;
  const keys = Object.keys(correlation);
  if (keys.length === 0) return field;
  const { maxBaggageBytes, maxBaggageEntries, maxBaggageValueBytes } = limits;
  let text = "";
  let count = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const value = plainOwn(correlation[key]) ?? plainValueOf(field, key);
    if (value === undefined || value.length > maxBaggageValueBytes || !isBaggageKey(key)) return undefined;
    if (value === "") continue;
    if (!unreserved.test(value)) return undefined;
    text = text === "" ? `${key}=${value}` : `${text},${key}=${value}`;
    count += 1;
  }
  for (let at = 0; at < field.length; ) {
    const end = endOfMember(field, at);
    if (!isOneOf(field, at, keys)) {
      const member = field.slice(at, end);
      text = text === "" ? member : `${text},${member}`;
      count += 1;
    }
    at = end + 1;
  }
  return count > maxBaggageEntries || text.length > maxBaggageBytes ? undefined : text;
}

/** Undefined: the key has no value of its own. A value of any other kind gives a text that is not plain. */
function plainOwn(own: unknown): string | undefined {
  if (typeof own === "string") return own === "" ? undefined : own;
  if (own === undefined) return undefined;
  return typeof own === "number" && Number.isFinite(own) ? String(own) : notPlain;
}

const notPlain = " ";

/** True for a field of short plain ids only, which the functions here can read. */
export function isPlainBaggage(field: string, limits: CarrierLimits): boolean {
  if (field === "") return true;
  const { maxBaggageBytes, maxBaggageEntries, maxBaggageValueBytes } = limits;
  if (field.length > maxBaggageBytes || maxBaggageEntries < maxPlainMembers || !plainField.test(field)) return false;
  return field.length <= maxBaggageValueBytes || hasShortValues(field, maxBaggageValueBytes);
}

function hasShortValues(field: string, maxLength: number): boolean {
  for (let at = 0; at < field.length; ) {
    const end = endOfMember(field, at);
    if (end - field.indexOf("=", at) - 1 > maxLength) return false;
    at = end + 1;
  }
  return true;
}

/** The value of a key in a plain field; empty where it has none, undefined where it has several. */
function plainValueOf(field: string, key: string): string | undefined {
  const at = memberAt(field, key, 0);
  if (at < 0) return "";
  if (memberAt(field, key, at + 1) >= 0) return undefined;
  return field.slice(at + key.length + 1, endOfMember(field, at));
}

/** True where a field has a member for each key of a correlation that has a value. */
export function hasAllOf(field: string, correlation: Correlation): boolean {
  const keys = Object.keys(correlation);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (memberAt(field, key, 0) < 0 && plainOwn(correlation[key]) !== undefined) return false;
  }
  return true;
}

function isOneOf(field: string, at: number, keys: readonly string[]): boolean {
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (field.charCodeAt(at + key.length) === 0x3d && field.startsWith(key, at)) return true;
  }
  return false;
}

/** The index at which the key's member begins; -1 where there is none. */
function memberAt(field: string, key: string, from: number): number {
  for (let at = field.indexOf(key, from); at >= 0; at = field.indexOf(key, at + 1)) {
    const isWhole = field.charCodeAt(at + key.length) === 0x3d;
    if (isWhole && (at === 0 || field.charCodeAt(at - 1) === 0x2c)) return at;
  }
  return -1;
}

function endOfMember(field: string, at: number): number {
  const end = field.indexOf(",", at);
  return end < 0 ? field.length : end;
}

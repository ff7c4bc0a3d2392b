/** Reads and writes the baggage field of an entry, within the limits. */

import { isBaggageKey } from "./baggage-key.ts";
import type { Baggage, CarrierLimits, OnLeftOut, OnRejected } from "./carrier.ts";
import { encodePlainBaggage } from "./plain-baggage.ts";
import { printableAscii } from "./trace-context.ts";

/** Separates the values of a list within one baggage value. It is a legal baggage octet, so that it costs one byte. */
const listSeparator = "|";

const controlCharacter = /\p{Cc}/u;

/**
 * Decodes a baggage field. A field that breaks a limit is dropped whole. Any key passes that can travel: the producer has
 * decided which ones do, and a consumer far down the story cannot know them.
 */
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

/** Decodes one entry. Undefined: it has no value. Properties after `;` are dropped. */
function decodeMember(member: string, limits: CarrierLimits): Entry | "rejected" | undefined {
  const pair = member.split(";", 1)[0] ?? "";
  const equals = pair.indexOf("=");
  const key = pair.slice(0, Math.max(equals, 0)).trim();
  if (key === "") return pair.trim() === "" ? undefined : "rejected";
  if (!isBaggageKey(key)) return "rejected";
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
 * Encodes baggage for an entry, as much as the limits take, in the order of its keys: what comes first is kept. A list that is
 * too long for one value continues under the same key, after every key has had its turn. A member that does not fit whole is
 * left out, and a shorter one after it may still fit.
 */
export function encodeBaggage(baggage: Baggage, limits: CarrierLimits, onLeftOut: OnLeftOut): string {
  return encodePlainBaggage(baggage, limits) ?? encodeAnyBaggage(baggage, limits, onLeftOut);
}

function encodeAnyBaggage(baggage: Baggage, limits: CarrierLimits, onLeftOut: OnLeftOut): string {
  const { maxBaggageBytes, maxBaggageEntries } = limits;
  let text = "";
  let entries = 0;
  const rests = new Map<string, readonly string[]>();
  for (const [key, value] of baggage) {
    const { encoded, isWhole } = encodeValues(value, limits);
    if (!isBaggageKey(key)) onLeftOut(key, "no-key");
    else if (!isWhole) onLeftOut(key, "value");
    if (encoded.length > 0 && isBaggageKey(key)) rests.set(key, encoded);
  }
  const full = new Set<string>();
  while (rests.size > 0) {
    for (const [key, [encoded, ...rest]] of rests) {
      if (rest.length === 0 || entries >= maxBaggageEntries) rests.delete(key);
      else rests.set(key, rest);
      const longer = text === "" ? `${key}=${encoded}` : `${text},${key}=${encoded}`;
      if (entries >= maxBaggageEntries || longer.length > maxBaggageBytes) full.add(key);
      else {
        text = longer;
        entries += 1;
      }
    }
  }
  for (const key of full) onLeftOut(key, "full");
  return text;
}

/**
 * Encodes one value, or a list in several values. A value that does not fit whole is left out: half an id would be
 * another id.
 */
function encodeValues(
  value: string,
  { maxBaggageValueBytes }: CarrierLimits,
): { readonly encoded: readonly string[]; readonly isWhole: boolean } {
  const encoded: string[] = [];
  let isWhole = true;
  let last = "";
  for (const one of splitValues(value)) {
    const next = encodeOne(one);
    if (next === undefined || next.length > maxBaggageValueBytes) {
      isWhole = false;
      continue;
    }
    const longer = last === "" ? next : `${last}${listSeparator}${next}`;
    if (longer.length <= maxBaggageValueBytes) last = longer;
    else {
      encoded.push(last);
      last = next;
    }
  }
  if (last !== "") encoded.push(last);
  return { encoded, isWhole };
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

/** Converts between an event with its carrier and the fields of an entry: the only file that knows the names on the wire. */

import type { Carrier } from "./carrier.ts";
import type { Channel } from "./channel.ts";
import { messageOf } from "./error-message.ts";
import { EnvelopeError, LostEntryError, PayloadError } from "./errors.ts";
import type { Cause } from "./event.ts";
import { payloadProblem } from "./payload-limits.ts";
import { listOf } from "./single-item-list.ts";
import type { StoredEntry } from "./stored-entry.ts";

/** The fields of an entry, in the order in which they are written. */
export const wireFields = [
  "id",
  "time",
  "key",
  "payload",
  "traceparent",
  "tracestate",
  "baggage",
  "version",
  "due",
  "causes",
  "stories",
] as const;

/** A decoded entry, and the carrier that came with it. */
export class Envelope implements Carrier {
  readonly channel: string;
  readonly entryId: string;
  readonly id: string;
  /** Epoch ms on the producer's clock; the entry id's time where the entry has no such field. */
  readonly time: number;
  readonly key: string;
  /** The JSON text as it was written. */
  readonly payload: string;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
  /** The version of the payload, from 1. */
  readonly version: number;
  /** When it may be handled, epoch ms on the producer's clock; 0: at once. */
  readonly dueAt: number;
  readonly causes: readonly Cause[];
  readonly stories: string;

  /** @throws {EnvelopeError} when the entry has no payload field, or a version that is none */
  constructor({ channel, entryId, fields }: StoredEntry) {
    const [id, time, key, payload, traceparent, tracestate, baggage, version, due, causes, stories] = offsetsIn(fields);
    if (payload < 0) throw new EnvelopeError(entryId, 'it has no field "payload"');
    this.channel = channel;
    this.entryId = entryId;
    this.id = valueAt(fields, id) || derivedId(channel, entryId);
    const happenedAt = valueAt(fields, time);
    this.time = happenedAt === "" || !Number.isFinite(Number(happenedAt)) ? timeOf(entryId) : Number(happenedAt);
    this.key = valueAt(fields, key);
    this.payload = valueAt(fields, payload);
    this.traceparent = valueAt(fields, traceparent);
    this.tracestate = valueAt(fields, tracestate);
    this.baggage = valueAt(fields, baggage);
    this.version = version < 0 ? 1 : decodeVersion(entryId, valueAt(fields, version));
    this.dueAt = due < 0 ? 0 : decodeDue(valueAt(fields, due));
    const derivedFrom = valueAt(fields, causes);
    this.causes = derivedFrom === "" ? noCauses : decodeCauses(derivedFrom);
    this.stories = valueAt(fields, stories);
  }
}

/** Most causes that an entry keeps. */
export const maxCauses = 1_000;

/** The values of an entry, in wire order. `version`: of the payload. `dueAt`: epoch ms, 0 where it may be handled at once. */
export function encodeEntry(
  id: string,
  time: number,
  key: string,
  payload: string,
  carrier: Carrier,
  causes: readonly Cause[],
  version: number = 1,
  dueAt: number = 0,
): readonly string[] {
  return [
    id,
    String(time),
    key,
    payload,
    carrier.traceparent,
    carrier.tracestate,
    carrier.baggage,
    version === 1 ? "" : String(version),
    dueAt === 0 ? "" : String(dueAt),
    causes.length === 0 ? "" : encodeCauses(causes),
    carrier.stories ?? "",
  ];
}

/** Names and values alternating, made from the values in wire order; empty values, and those that are not given, have no field. */
export function wireEntry(values: readonly string[]): string[] {
  return wireFields.flatMap((name, i) => (values[i] ? [name, values[i]] : []));
}

/** Writes the payload as JSON. @throws {PayloadError} when it has no JSON form or exceeds the channel's limits */
export function encodePayload<P>(channel: Channel<P>, payload: P): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(payload);
  } catch (cause) {
    const path = bigintPath(payload, "", channel.maxNesting);
    const reason =
      path === undefined
        ? `it cannot be written as JSON: ${messageOf(cause)}`
        : "a bigint cannot be written as JSON: declare it as text";
    throw new PayloadError(channel.name, [{ path: path ?? "", reason }], { cause });
  }
  if (json === undefined) throw new PayloadError(channel.name, [{ path: "", reason: "it has no JSON form" }]);
  const problem = payloadProblem(json, channel.maxPayloadBytes, channel.maxNesting);
  if (problem !== undefined) throw new PayloadError(channel.name, [{ path: "", reason: problem }]);
  return json;
}

/** The dotted path of a bigint in what could not be written; undefined where that is not the reason. `levels`: how deep it looks. */
function bigintPath(value: unknown, path: string, levels: number): string | undefined {
  if (typeof value === "bigint") return path;
  if (typeof value !== "object" || value === null || levels === 0) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const found = bigintPath(inner, path === "" ? name : `${path}.${name}`, levels - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Reads an entry. An entry that was written by hand needs only `payload`: the other fields are derived.
 * @throws {EnvelopeError} when there is no payload field. @throws {LostEntryError} when the entry is no longer in the stream.
 */
export function decodeEntry(entry: StoredEntry): Envelope {
  if (entry.fields.length > 0) return new Envelope(entry);
  const { channel, entryId } = entry;
  throw new LostEntryError(`entry ${entryId} of "${channel}" was trimmed or deleted before it was handled`);
}

/** Parses the payload. @throws {EnvelopeError} when it is no JSON, is too large or too deep, or has a forbidden key. */
export function parsePayload(envelope: Envelope, maxPayloadBytes: number, maxNesting: number): unknown {
  const { payload, entryId } = envelope;
  const problem = payloadProblem(payload, maxPayloadBytes, maxNesting);
  if (problem !== undefined) throw new EnvelopeError(entryId, `its payload is refused: ${problem}`);
  try {
    return JSON.parse(payload);
  } catch (cause) {
    throw new EnvelopeError(entryId, `its payload is no JSON: ${messageOf(cause)}`, { cause });
  }
}

/** Epoch ms in an entry id: the best estimate of the server's append time. A server clock that is set back makes it too high. */
export function timeOf(entryId: string): number {
  return Number.parseInt(entryId, 10);
}

const noCauses: readonly Cause[] = Object.freeze([]);

/** The offset of each wire field's value among an entry's fields; -1 where the entry lacks the field. */
type Offsets = readonly [number, number, number, number, number, number, number, number, number, number, number];

/** The names of the last entry that was read, and the offsets found for them: entries of a channel mostly have the same names. */
let lastNames: readonly string[] = [];
let lastOffsets: Offsets = [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1];

function offsetsIn(fields: readonly string[]): Offsets {
  if (!haveNames(fields, lastNames)) {
    // A name without a value does not count; of a repeated name the first counts.
    const names = Array.from({ length: fields.length >> 1 }, (_, i) => fields[2 * i] as string);
    lastNames = names;
    lastOffsets = wireFields.map((name) => 2 * names.indexOf(name) + 1) as readonly number[] as Offsets;
  }
  return lastOffsets;
}

function haveNames(fields: readonly string[], names: readonly string[]): boolean {
  if (fields.length !== 2 * names.length) return false;
  for (let i = 0; i < names.length; i++) if (fields[2 * i] !== names[i]) return false;
  return true;
}

function valueAt(fields: readonly string[], offset: number): string {
  return offset < 0 ? "" : (fields[offset] as string);
}

function decodeVersion(entryId: string, text: string): number {
  if (text === "") return 1;
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new EnvelopeError(entryId, `its version is ${JSON.stringify(text.slice(0, 40))}, no whole number from 1`);
}

/** Epoch ms; what is none makes the entry due at once. */
function decodeDue(text: string): number {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : 0;
}

/** The id of an entry that was written by hand without an event id: channel and entry id. */
function derivedId(channel: string, entryId: string): string {
  return `${channel}/${entryId}`;
}

// `id traceparent` pairs, separated by commas; a cause that was not traced has no traceparent. Neither part may hold a comma or a
// space, so ids that do are escaped.
function encodeCauses(causes: readonly Cause[]): string {
  let text = "";
  for (let i = 0; i < causes.length && i < maxCauses; i++) {
    const { id, traceparent } = causes[i] as Cause;
    text += `${i === 0 ? "" : ","}${escapeId(id)}${traceparent === "" ? "" : ` ${traceparent}`}`;
  }
  return text;
}

function decodeCauses(text: string): readonly Cause[] {
  // Cut before splitting: anybody may have written the field, at any length.
  const cut = text.slice(0, maxCauses * 256);
  if (!cut.includes(",")) {
    const only = decodeCause(cut);
    return only === undefined ? noCauses : listOf(only);
  }
  const causes: Cause[] = [];
  for (const part of cut.split(",", maxCauses)) {
    const cause = decodeCause(part);
    if (cause !== undefined) causes.push(cause);
  }
  return causes;
}

function decodeCause(text: string): Cause | undefined {
  const space = text.indexOf(" ");
  if (space < 0) return text === "" ? undefined : { id: unescapeId(text), traceparent: "" };
  if (space === 0) return undefined;
  const end = text.indexOf(" ", space + 1);
  return { id: unescapeId(text.slice(0, space)), traceparent: text.slice(space + 1, end < 0 ? text.length : end) };
}

function escapeId(id: string): string {
  return /[%, ]/.test(id) ? id.replace(/[%, ]/g, (c) => `%${c.charCodeAt(0).toString(16)}`) : id;
}

function unescapeId(id: string): string {
  return id.includes("%")
    ? id.replace(/%(25|2c|20)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : id;
}

/** The lines of a recording, as text and as values (docs/guide/record-and-replay.md): the only file that knows their names. */

import type { SettledCall } from "../source/source.ts";

/** The version of the format. */
const recordingVersion = 1;

/** The first line: the request that the recording answers. */
export interface RecordingHeader {
  readonly namespace: string;
  readonly partitions: number;
  readonly channels: readonly string[];
  readonly components: readonly string[];
  /** First position of the range; `-` for the oldest entry. */
  readonly from: string;
  /** Last position, fixed at the start of the recording; null where the recording followed the log. */
  readonly to: string | null;
  /** Attributes, all of which an entry must have. */
  readonly where: readonly string[];
  /** Start of the recording, epoch ms. */
  readonly recordedAt: number;
}

/** An entry's fields: as text, or byte for byte where they are no valid UTF-8. */
export type RecordedFields = { readonly fields: readonly string[] } | { readonly bytes: readonly Buffer[] };

/** An entry with its location. */
export type RecordedEntry = {
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
} & RecordedFields;

/** The counts of a checkpoint or the last line. `sha256` is over all bytes of the lines before, in hexadecimal. */
export interface Tally {
  readonly entries: number;
  readonly settlements: number;
  readonly sha256: string;
}

/** A settlement as a line. */
export interface SettlementLine {
  readonly component: string;
  readonly partition: number;
  readonly entryId: string;
  readonly calls: readonly SettledCall[];
}

/** A line after the header. */
export type RecordingLine =
  | { readonly kind: "entry"; readonly entry: RecordedEntry }
  | { readonly kind: "settlement"; readonly settlement: SettlementLine }
  | { readonly kind: "checkpoint" | "end"; readonly tally: Tally };

// ---------------------------------------------------------------------------------------------------- values to text

/** Writes the header. */
export function headerLine(header: RecordingHeader): string {
  return `${JSON.stringify({ throughline: "recording", version: recordingVersion, ...header })}\n`;
}

/** Writes the start of every entry line of a stream. */
export function entryPrefix(channel: string, partition: number): string {
  return `{"channel":${JSON.stringify(channel)},"partition":${partition},"entryId":"`;
}

/** Writes an entry after its prefix. */
export function entryLine(prefix: string, entryId: string, fields: RecordedFields): string {
  if ("fields" in fields) return `${prefix}${entryId}","fields":${JSON.stringify(fields.fields)}}\n`;
  return `${prefix}${entryId}","fields64":${JSON.stringify(fields.bytes.map((one) => one.toString("base64")))}}\n`;
}

/** Writes a settlement. */
export function settlementLine({ component, partition, entryId, calls }: SettlementLine): string {
  // How the handlers ran is left to the log: a replay runs them again.
  const kept = calls.map(({ run: _run, deadId: _deadId, ...call }) => call);
  return `${JSON.stringify({ settled: component, partition, entryId, calls: kept })}\n`;
}

/** Writes a checkpoint or the last line. */
export function tallyLine(kind: "checkpoint" | "end", { entries, settlements, sha256 }: Tally): string {
  return `${JSON.stringify({ [kind]: { entries, settlements, sha256 } })}\n`;
}

// ---------------------------------------------------------------------------------------------------- text to values

/** The reason why a line is invalid. */
export interface Malformed {
  readonly malformed: string;
}

/** Parses the first line. Does not throw. */
export function parseHeader(text: string): RecordingHeader | Malformed {
  const json = parseObject(text);
  if (json === undefined || json["throughline"] !== "recording")
    return { malformed: "this is no recording of Throughline" };
  const { version, namespace, partitions, channels, components, from, to, where, recordedAt } = json;
  if (typeof version === "number" && version > recordingVersion) {
    return {
      malformed: `the recording has format version ${version}, and this version of Throughline reads up to ${recordingVersion}`,
    };
  }
  if (version !== recordingVersion) return { malformed: `the recording has no format version that is known` };
  if (
    typeof namespace !== "string" ||
    !isCount(partitions) ||
    !isTexts(channels) ||
    !isTexts(components) ||
    typeof from !== "string" ||
    (typeof to !== "string" && to !== null) ||
    !isTexts(where) ||
    !isCount(recordedAt)
  ) {
    return { malformed: "the recording's header lacks something" };
  }
  return { namespace, partitions, channels, components, from, to, where, recordedAt };
}

/** Parses a line after the first one; the header must allow its content. */
export function parseLine(text: string, header: RecordingHeader): RecordingLine | Malformed {
  const json = parseObject(text);
  if (json === undefined) return { malformed: "the line is not whole JSON" };
  if ("channel" in json) return parseEntry(json, header);
  if ("settled" in json) return parseSettlementLine(json, header);
  for (const kind of ["checkpoint", "end"] as const) {
    if (!(kind in json)) continue;
    const tally = json[kind];
    if (
      !isObject(tally) ||
      !isCount(tally["entries"]) ||
      !isCount(tally["settlements"]) ||
      typeof tally["sha256"] !== "string"
    ) {
      return { malformed: `the line is no ${kind} as a recording has it` };
    }
    return { kind, tally: { entries: tally["entries"], settlements: tally["settlements"], sha256: tally["sha256"] } };
  }
  return { malformed: "the line is nothing that a recording has" };
}

function parseEntry(json: Json, header: RecordingHeader): RecordingLine | Malformed {
  const { channel, partition, entryId, fields, fields64 } = json;
  const wrong = wrongLocation(partition, entryId, header);
  if (wrong !== undefined) return { malformed: wrong };
  if (typeof channel !== "string" || !header.channels.includes(channel)) {
    return {
      malformed: `the entry is of channel ${JSON.stringify(channel)}, which the recording's header does not name`,
    };
  }
  const location = { channel, partition: partition as number, entryId: entryId as string };
  const written = fields ?? fields64;
  if (!isTexts(written) || written.length % 2 !== 0)
    return { malformed: "the entry's fields are not names and values in turn" };
  if (!written.every((one) => one.isWellFormed()))
    return { malformed: "the entry's fields are no well-formed Unicode: a recording has bytes for what is no text" };
  if (fields !== undefined) return { kind: "entry", entry: { ...location, fields: written } };
  return { kind: "entry", entry: { ...location, bytes: written.map((one) => Buffer.from(one, "base64")) } };
}

function parseSettlementLine(json: Json, header: RecordingHeader): RecordingLine | Malformed {
  const { settled: component, partition, entryId, calls } = json;
  const wrong = wrongLocation(partition, entryId, header);
  if (wrong !== undefined) return { malformed: wrong };
  if (typeof component !== "string" || !header.components.includes(component)) {
    return {
      malformed: `the settlement is of component ${JSON.stringify(component)}, which the recording's header does not name`,
    };
  }
  if (!Array.isArray(calls) || !calls.every(isCall)) return { malformed: "the settlement's calls cannot be read" };
  return {
    kind: "settlement",
    settlement: { component, partition: partition as number, entryId: entryId as string, calls },
  };
}

function wrongLocation(partition: unknown, entryId: unknown, header: RecordingHeader): string | undefined {
  if (typeof entryId !== "string" || !/^\d+-\d+$/.test(entryId)) return "the line has no entry id";
  if (isCount(partition) && partition < header.partitions) return undefined;
  return `the line is of partition ${JSON.stringify(partition)}, and the recording's namespace has ${header.partitions}`;
}

type Json = Readonly<Record<string, unknown>>;

function parseObject(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isCall(value: unknown): value is SettledCall {
  if (!isObject(value)) return false;
  const { channel, entryIds, outcome } = value;
  return typeof channel === "string" && isTexts(entryIds) && (outcome === "acked" || outcome === "deadLettered");
}

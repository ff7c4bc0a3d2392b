/** `importEntries`: publishes the lines of a file that Throughline did not record, at the times that the lines name. */

import { open } from "node:fs/promises";
import { basename } from "node:path";
import { type Channel, validatePayload } from "../../model/channel.ts";
import { encodePayload } from "../../model/envelope.ts";
import { messageOf } from "../../model/error-message.ts";
import { PayloadError, PublishError, RecordingError } from "../../model/errors.ts";
import type { EventRef } from "../../model/event.ts";
import { deriveEventId } from "../../model/event-id.ts";
import { illFormed } from "../../model/well-formed-text.ts";
import type { PublishOptions } from "../../publish/producer.ts";
import { Pace } from "../source/pacing.ts";
import { readBytes } from "./compression.ts";
import type { ImportOptions, ImportReport } from "./import-recording.ts";
import { type ByteLine, checkMaxLineBytes, defaultMaxLineBytes, LineSplitter, tooLong } from "./lines.ts";

/** A parsed line. `left`: the line is rightly no event, and is left out; `invalid`: the line should be an event and is not. */
export type ImportedLine<P> =
  | {
      readonly payload: P;
      /** Epoch ms, fractions included, by which the import is paced; undefined where the line names no time. */
      readonly at: number | undefined;
      /** Epoch ms at which the event happened. Default: the time of its publish. */
      readonly time?: number;
      /** The event's id. Default: an id derived from the file's name and the line. */
      readonly eventId?: string;
    }
  | { readonly left: string }
  | { readonly invalid: string };

/** Parses a line. Does not throw. */
export type LineParser<P> = (text: string) => ImportedLine<P>;

/** The options of `importEntries`. */
export interface ImportEntriesOptions extends ImportOptions {
  /** Leaves invalid lines out. Default: a single invalid line refuses the whole file. */
  readonly skipInvalid?: boolean;
  /** Called for each invalid line that is left out. */
  readonly onInvalid?: (error: RecordingError) => void;
  /** Longest line that is read, bytes, uncompressed. Default 16,777,216; a longer line is invalid. */
  readonly maxLineBytes?: number;
  /** First line to import, from 1: the line after which an earlier import ended. */
  readonly fromLine?: number;
}

/** The result of `importEntries`. */
export interface ImportEntriesReport extends ImportReport {
  readonly invalid: number;
  /** Number of lines that are rightly no events. */
  readonly left: number;
}

/** Most publishes under way at once. */
const maxInFlight = 1_024;

/**
 * Publishes each line into the channel, through its schema, in the order of the file. The file may be compressed. The whole file is checked
 * before anything is published, unless `skipInvalid` is set.
 * @throws {RecordingError} on a file that cannot be read, and on the first invalid line
 * @throws {PublishError} when Redis does not answer in time, or refuses; the last call of `onProgress` tells the progress until then
 */
export async function importEntries<P>(
  backbone: { publish<Q>(channel: Channel<Q>, payload: Q, options?: PublishOptions): Promise<EventRef> },
  channel: Channel<P>,
  path: string,
  parse: LineParser<P>,
  options: ImportEntriesOptions = {},
): Promise<ImportEntriesReport> {
  const { speed = "original", signal, skipInvalid = false, onInvalid = () => undefined } = options;
  const pace = new Pace(speed);
  const needsTime = speed !== "max";
  const from = options.fromLine ?? 1;
  const maxLineBytes = checkMaxLineBytes(options.maxLineBytes ?? defaultMaxLineBytes);
  if (!skipInvalid) await refuseInvalid(channel, readFile(path, from, maxLineBytes), path, parse, needsTime, signal);
  const publishes = new Publishes(options.onProgress ?? (() => undefined));
  let invalid = 0;
  let left = 0;
  for await (const line of readFile(path, from, maxLineBytes)) {
    if (isAborted(signal)) break;
    const read = await readLine(channel, line, parse, needsTime);
    if ("left" in read) left++;
    if ("invalid" in read) {
      invalid++;
      onInvalid(new RecordingError(path, line.number, read.invalid));
    }
    if (!("payload" in read)) continue;
    const { payload, at = 0, time, eventId } = read;
    if (pace.waitMs(at) > 0) await pace.due(at, signal);
    if (isAborted(signal)) break;
    const id = eventId ?? deriveEventId(`${basename(path)}:${line.number}`, "import", line.text ?? "");
    const publish = { eventId: id, ...(time === undefined ? {} : { time }) };
    const room = publishes.add(backbone.publish(channel, payload, publish), line.number);
    if (room !== undefined) await room;
  }
  await publishes.done();
  return { entries: publishes.entries, line: publishes.line, isComplete: !isAborted(signal), invalid, left };
}

/**
 * Parses lines of JSON, each a payload. `timeField`: the dotted path of the time in the payload, epoch ms or text with a date. `drop`: dotted
 * paths of fields that are left out of the payload, once the time is taken: a line need not have them.
 */
export function ndjsonLine(timeField = "time", drop: readonly string[] = []): LineParser<unknown> {
  const path = timeField.split(".");
  const dropped = drop.map((field) => field.split("."));
  return (text) => {
    let payload: unknown;
    try {
      payload = JSON.parse(text);
    } catch (error) {
      return { invalid: `the line is no JSON: ${messageOf(error)}` };
    }
    const value = ownValue(payload, path);
    for (const field of dropped) {
      const holder = ownValue(payload, field.slice(0, -1));
      const isObject = typeof holder === "object" && holder !== null && !Array.isArray(holder);
      if (isObject) Reflect.deleteProperty(holder, field.at(-1) as string);
    }
    const at = typeof value === "string" ? Date.parse(value) : value;
    return typeof at === "number" && Number.isFinite(at) && at >= 0
      ? { payload, at, time: Math.floor(at) }
      : { payload, at: undefined };
  };
}

function ownValue(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const name of path) {
    const isThere = typeof value === "object" && value !== null && Object.hasOwn(value, name);
    value = isThere ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  }
  return value;
}

// A function, because the compiler's flow analysis does not see that a signal can abort during an await.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function refuseInvalid<P>(
  channel: Channel<P>,
  lines: AsyncIterable<TextLine>,
  path: string,
  parse: LineParser<P>,
  needsTime: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const line of lines) {
    if (isAborted(signal)) return;
    const read = await readLine(channel, line, parse, needsTime);
    if ("invalid" in read) throw new RecordingError(path, line.number, `${read.invalid}. Nothing was imported`);
  }
}

async function readLine<P>(
  channel: Channel<P>,
  line: TextLine,
  parse: LineParser<P>,
  needsTime: boolean,
): Promise<ImportedLine<P>> {
  if (line.text === undefined) return { invalid: tooLong(line.limit) };
  const read = parse(line.text);
  if (!("payload" in read)) return read;
  if (needsTime && read.at === undefined) {
    return { invalid: "the line names no time to pace it by: say which field does, or import at speed max" };
  }
  try {
    const payload = await validatePayload(channel, read.payload);
    encodePayload(channel, payload); // checks the channel's limits
    channel.key(payload);
    const wrongId = read.eventId === undefined ? undefined : illFormed("its event id", read.eventId);
    if (wrongId !== undefined) return { invalid: wrongId };
    return { ...read, payload };
  } catch (error) {
    if (error instanceof PayloadError) return { invalid: error.message };
    throw error;
  }
}

type TextLine =
  | { readonly number: number; readonly text: string }
  /** A line that is too long. */
  | { readonly number: number; readonly text: undefined; readonly limit: number };

/** Reads lines without blank ones, byte order mark and carriage returns. */
async function* readFile(path: string, from: number, limit: number): AsyncGenerator<TextLine, void, undefined> {
  const failed = (cause: Error): never => {
    throw new RecordingError(path, undefined, `it cannot be read: ${cause.message}`, { cause });
  };
  const file = await open(path, "r").catch(failed);
  const splitter = new LineSplitter(limit);
  try {
    const chunks = readBytes(path, file);
    for (;;) {
      const { value: chunk, done } = await chunks.next().catch(failed);
      if (done === true || chunk === undefined) break;
      for (const line of splitter.push(chunk)) if (line.number >= from) yield* textOf(line, limit);
    }
    const last = splitter.end();
    if (last !== undefined && last.number >= from) yield* textOf(last, limit);
  } finally {
    await file.close();
  }
}

function* textOf({ number, bytes, endsAt }: ByteLine, limit: number): Generator<TextLine, void, undefined> {
  if (bytes === undefined) {
    if (endsAt === undefined) yield { number, text: undefined, limit };
  } else {
    const text = bytes.toString("utf8").replace(number === 1 ? /^\ufeff|\r$/g : /\r$/, "");
    if (text.trim() !== "") yield { number, text };
  }
}

/** Tracks publishes under way, and counts acknowledgements in the order of the lines. */
class Publishes {
  readonly #onProgress: (entries: number, line: number) => void;
  readonly #open = new Set<{ readonly line: number }>();
  #lastLine = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Called on every change; set while a caller waits. */
  #wake: (() => void) | undefined;
  entries = 0;
  /** The last line up to which everything was appended. */
  line = 0;

  constructor(onProgress: (entries: number, line: number) => void) {
    this.#onProgress = onProgress;
  }

  /** Resolves when there is room for another publish; undefined where there is room. @throws the error of an earlier publish */
  add(publish: Promise<unknown>, line: number): Promise<void> | undefined {
    const one = { line };
    this.#open.add(one);
    this.#lastLine = line;
    publish.then(
      () => {
        this.entries++;
        this.#open.delete(one);
        if (this.#failure === undefined) {
          const [oldest] = this.#open;
          this.line = oldest === undefined ? this.#lastLine : oldest.line - 1;
        }
        this.#onProgress(this.entries, this.line);
        this.#wake?.();
      },
      (error: unknown) => {
        this.#open.delete(one);
        this.#failure ??= { error: failedAt(one.line, error) };
        this.#wake?.();
      },
    );
    if (this.#failure !== undefined) return this.done();
    return this.#open.size < maxInFlight ? undefined : this.#until(() => this.#open.size < maxInFlight);
  }

  /** Waits for all publishes. @throws the error of a publish */
  async done(): Promise<void> {
    await this.#until(() => this.#open.size === 0);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = undefined;
  }
}

function failedAt(line: number, error: unknown): unknown {
  if (!(error instanceof PublishError)) return error;
  return new PublishError(error.outcome, `line ${line}: ${error.message}`, { cause: error });
}

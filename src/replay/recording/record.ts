/** `record`: writes a range of the log to a file, byte for byte. */

import { parseQuery } from "../../inspect/journey/query.ts";
import type { Channel } from "../../model/channel.ts";
import { compareIds } from "../../model/entry-ids.ts";
import { ConfigError, RecordingError } from "../../model/errors.ts";
import type { Catalogue, Inspector } from "../../ports/inspect.ts";
import { accessTo } from "../log-access.ts";
import { newestOf, Recorder, type RecordProgress } from "./recorder.ts";
import type { RecordingHeader } from "./recording-format.ts";
import { findPartial, type PartialRecording, RecordingWriter, streamOf } from "./recording-writer.ts";

export type { RecordProgress } from "./recorder.ts";

export interface RecordOptions {
  /** Components whose settlement logs are recorded too, so that a replay can go by the order in which they settled. */
  readonly components?: readonly string[];
  /** First entry id, included; `(` before it leaves it out. A time in epoch ms will do. Default: the oldest entry. */
  readonly from?: string;
  /** Last entry id, included, but never after what is newest when recording begins. Not together with `follow`. */
  readonly to?: string;
  /** `name=value` of an attribute, or `payload.path=value`: only entries that have them all. Settlements are all recorded. */
  readonly where?: readonly string[];
  /** Goes on with new entries as they are appended, until `signal` aborts, which completes the recording. */
  readonly follow?: boolean;
  /**
   * Goes on with a recording that was interrupted, whose range it keeps; one that is complete is left as it is. Begins one where
   * there is none.
   */
  readonly continue?: boolean;
  /** Longest line of such a recording that is read, in bytes. Default 16,777,216. */
  readonly maxLineBytes?: number;
  /** Ends the recording early; without `follow` it is partial then. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RecordProgress) => void;
}

export interface RecordReport {
  readonly path: string;
  /** All that the file has, an earlier call's included. */
  readonly entries: number;
  readonly settlements: number;
  /** False: it was interrupted, and can be continued. */
  readonly isComplete: boolean;
  /** Streams whose last recorded entry was gone when the recording was continued: what came after it may have been trimmed unseen. */
  readonly gaps: readonly { readonly channel: string; readonly partition: number; readonly afterId: string }[];
}

/**
 * Records channels into a file, compressed where its name ends with `.gz` or `.zst`. Touches no group's position.
 * @param from a backbone or an observer
 * @throws {ConfigError} on options that cannot be used, or channels and components that are not there; no file was made then
 * @throws {RecordingError} when the file cannot be written; what it has can be continued
 * @throws {StoreError} when Redis does not answer; likewise
 */
export async function record(
  from: object,
  channels: readonly (string | Channel<unknown>)[],
  path: string,
  options: RecordOptions = {},
): Promise<RecordReport> {
  const { inspector } = accessTo(from);
  const names = [...new Set(channels.map((channel) => (typeof channel === "string" ? channel : channel.name)))];
  const resolved = resolve(names, options);
  const partial = options.continue === true ? await findPartial(path, options.maxLineBytes) : undefined;
  if (partial !== undefined) refuseOther(path, partial.header, inspector.namespace, resolved);
  if (partial?.isComplete === true) {
    return { path, entries: partial.entries, settlements: partial.settlements, isComplete: true, gaps: [] };
  }
  const header = partial?.header ?? (await headerOf(inspector, resolved, options));
  const gaps = partial === undefined ? [] : await gapsOf(inspector, partial);
  const writer = await (partial?.resume() ?? RecordingWriter.create(path, header, options.continue === true));
  let isComplete = false;
  try {
    isComplete = await new Recorder(inspector, header, writer, partial, options).run();
  } catch (error) {
    // What was read so far is kept, as far as the disk takes it.
    if (error instanceof RecordingError) await writer.abandon();
    else await writer.close(false).catch(() => undefined);
    throw error;
  }
  await writer.close(isComplete);
  const { entries, settlements } = writer;
  return { path, entries, settlements, isComplete, gaps };
}

interface Resolved {
  readonly channels: readonly string[];
  readonly components: readonly string[];
  readonly where: readonly string[];
}

const knownOptions: ReadonlySet<string> = new Set<keyof RecordOptions>([
  "components",
  "from",
  "to",
  "where",
  "follow",
  "continue",
  "signal",
  "onProgress",
]);

function resolve(channels: readonly string[], options: RecordOptions): Resolved {
  for (const option of Object.keys(options)) {
    if (!knownOptions.has(option)) throw new ConfigError(`recording has no option "${option}"`);
  }
  const { components = [], where = [], follow, to } = options;
  if (channels.length === 0) throw new ConfigError("recording takes one channel or more");
  if (follow === true && to !== undefined) {
    throw new ConfigError(
      "recording either follows the log or ends at a position: `follow` and `to` exclude each other",
    );
  }
  const noAttribute = where.find((text) => parseQuery(text).eventId !== undefined);
  if (noAttribute !== undefined) throw new ConfigError(`"${noAttribute}" is no attribute: where takes name=value`);
  return { channels, components: [...new Set(components)], where };
}

/** A file is continued by the call that began it, and by no other: it would not hold what its header says. */
function refuseOther(path: string, header: RecordingHeader, namespace: string, resolved: Resolved): void {
  const differs = (what: string, has: string, wanted: string): never => {
    throw new RecordingError(
      path,
      1,
      `it is a recording of ${what} ${has}, not ${wanted}: it can only be continued as it began`,
    );
  };
  if (header.namespace !== namespace) differs("namespace", `"${header.namespace}"`, `"${namespace}"`);
  for (const name of ["channels", "components", "where"] as const) {
    const [has, wanted] = [header[name], resolved[name]].map((list) => [...list].sort().join(", ") || "(none)");
    if (has !== wanted) differs(name, String(has), String(wanted));
  }
}

async function headerOf(inspector: Inspector, resolved: Resolved, options: RecordOptions): Promise<RecordingHeader> {
  const catalogue = await inspector.catalogue();
  // A namespace that was only ever written by hand has no description, and one partition.
  const partitions = catalogue?.partitions ?? 1;
  const { channels, components } = resolved;
  const missing = components.find((component) => catalogue?.components.has(component) !== true);
  if (missing !== undefined) throw new ConfigError(`namespace "${inspector.namespace}" has no component "${missing}"`);
  const newest: string[] = [];
  for (const channel of channels) {
    const last = await newestOf(inspector, channel, partitions);
    newest.push(...last);
    if (last.length === 0 && options.follow !== true) refuseUnknown(inspector, catalogue, channel);
  }
  const last = newest.sort(compareIds).at(-1) ?? "0-0";
  const { from = "-", to } = options;
  const end = to === undefined || compareIds(to.includes("-") ? to : `${to}-${maxSequence}`, last) > 0 ? last : to;
  return {
    namespace: inspector.namespace,
    partitions,
    ...resolved,
    from,
    to: options.follow === true ? null : end,
    recordedAt: Date.now(),
  };
}

const maxSequence = "18446744073709551615";

function refuseUnknown(inspector: Inspector, catalogue: Catalogue | undefined, channel: string): void {
  if (catalogue?.channels.includes(channel) === true) return;
  throw new ConfigError(`namespace "${inspector.namespace}" has no channel "${channel}"`);
}

async function gapsOf(inspector: Inspector, partial: PartialRecording): Promise<RecordReport["gaps"]> {
  const gaps: { channel: string; partition: number; afterId: string }[] = [];
  for (const channel of partial.header.channels) {
    for (let partition = 0; partition < partial.header.partitions; partition++) {
      const afterId = partial.lastIds.get(streamOf("entry", channel, partition));
      if (afterId === undefined) continue;
      const range = { from: afterId, to: afterId, reverse: false };
      const rows = await inspector.page({ channel, partition }, range, 1);
      if (rows.length === 0) gaps.push({ channel, partition, afterId });
    }
  }
  return gaps;
}

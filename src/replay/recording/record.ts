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

/** The options of a recording. */
export interface RecordOptions {
  /** Components whose settlement logs are recorded too, so that a replay can follow their order of settlement. */
  readonly components?: readonly string[];
  /** First entry id, included; `(` before the id excludes it. A time in epoch ms is accepted too. Default: the oldest entry. */
  readonly from?: string;
  /** Last entry id, included, but never after the newest entry at the start of the recording. Not allowed with `follow`. */
  readonly to?: string;
  /** `name=value` of an attribute, or `payload.path=value`: only entries that match all are recorded. Settlements are all recorded. */
  readonly where?: readonly string[];
  /** Continues with new entries as they are appended, until `signal` aborts, which completes the recording. */
  readonly follow?: boolean;
  /**
   * Continues an interrupted recording, whose range is kept; a complete one is left as it is. Starts a new recording where there is no
   * file.
   */
  readonly continue?: boolean;
  /** Longest line that is read of an interrupted recording, bytes. Default 16,777,216. */
  readonly maxLineBytes?: number;
  /** Ends the recording early; without `follow` the recording is then partial. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RecordProgress) => void;
}

/** The result of a recording. */
export interface RecordReport {
  readonly path: string;
  /** Number of entries in the file, including those of earlier calls. */
  readonly entries: number;
  readonly settlements: number;
  /** False where the recording was interrupted, so that it can be continued. */
  readonly isComplete: boolean;
  /** Streams whose last recorded entry was gone when the recording was continued: later entries may have been trimmed unrecorded. */
  readonly gaps: readonly { readonly channel: string; readonly partition: number; readonly afterId: string }[];
}

/**
 * Records channels into a file, compressed where its name ends with `.gz` or `.zst`. Changes no group's position.
 * @param from a backbone or an observer
 * @throws {ConfigError} on options that cannot be used, and on channels and components that do not exist; no file was made then
 * @throws {RecordingError} when the file cannot be written; the recording can be continued
 * @throws {StoreError} when Redis does not answer; the recording can be continued
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
    // Lines that were read are kept, as far as the disk takes them.
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

/** Refuses to continue a file with other options than it was begun with: its header would not describe its content. */
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
  // A namespace that was only written by hand has no description, and one partition.
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

/** Opens records by their names on the command line: a recording's file, or a namespace's present log. */

import { openLog } from "../composition/component-replays.ts";
import type { Observer } from "../composition/observer.ts";
import { accessTo } from "../replay/log-access.ts";
import { openRecording } from "../replay/recording/recording-reader.ts";
import type { LiveRange } from "../replay/source/live-source.ts";
import type { ReplaySource } from "../replay/source/source.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { say } from "./output.ts";

/** True for a path or a name with a recording's ending. Any other text names a channel or a namespace. */
export function isFile(text: string): boolean {
  return text.includes("/") || /\.(ndjson|jsonl|json|gz|zst)$/.test(text);
}

/** The option of all commands that read files. */
export const maxLineBytesOption: readonly [flags: string, description: string, parse: (text: string) => number] = [
  "--max-line-bytes <count>",
  "of a file: the longest line that is read, uncompressed (default 16777216)",
  wholeNumber,
];

export interface ReadOptions {
  readonly skipInvalid?: boolean | undefined;
  readonly maxLineBytes?: number | undefined;
}

/**
 * Opens a recording. `skipInvalid` reports and leaves out invalid entries.
 * @throws {RecordingError} with the line, on a file that is invalid in any way
 */
export async function recordingSource(
  path: string,
  { skipInvalid = false, maxLineBytes }: ReadOptions = {},
): Promise<ReplaySource> {
  const onInvalid = (error: Error): void => void say(`Left out: ${error.message}`);
  return openRecording(path, { skipInvalid, onInvalid, maxLineBytes });
}

/**
 * Opens these channels of a namespace as a record, with all that was settled.
 * @throws {ReplayError} on a channel that does not exist.
 * @throws {StoreError}
 */
export async function namespaceSource(
  observer: Observer,
  channels: readonly string[],
  range: LiveRange = {},
): Promise<ReplaySource> {
  const catalogue = await accessTo(observer).inspector.catalogue();
  return openLog(observer, channels, { ...range, components: [...(catalogue?.components.keys() ?? [])] });
}

/** The channels of the namespace that have entries. @throws {ConfigError} when it has not been used */
export async function channelsOf(observer: Observer): Promise<readonly string[]> {
  const { channels } = await observer.status();
  return [...new Set(channels.filter(({ entries }) => entries > 0).map(({ channel }) => channel))];
}

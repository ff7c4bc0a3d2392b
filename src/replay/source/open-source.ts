/** Opens the source of a run, a recording or channels of the live log, and opens it again for a resumed run. */

import { resolve } from "node:path";
import { ConfigError, type RecordingError, ReplayError } from "../../model/errors.ts";
import type { Inspector } from "../../ports/inspect.ts";
import type { RunRequest } from "../../ports/replay-runs.ts";
import { defaultMaxLineBytes } from "../recording/lines.ts";
import { openRecording, type Recording } from "../recording/recording-reader.ts";
import type { OpenedSource } from "../republish/request.ts";
import { liveSource } from "./live-source.ts";

/** Channels of the live log, or a recording and optionally some of its channels. */
export interface SourceOptions {
  /** The recording's path, or the open recording. */
  readonly recording?: string | Recording | undefined;
  readonly channels?: readonly string[] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly skipInvalid?: boolean | undefined;
  /** Called for each part of a damaged recording that is left out. */
  readonly onInvalid?: ((error: RecordingError) => void) | undefined;
  /** Longest line of a recording that is read, bytes. Default 16,777,216. */
  readonly maxLineBytes?: number | undefined;
}

/** Opens a source; a recording is read completely. @throws {ConfigError} {RecordingError} {ReplayError} {StoreError} */
export async function openSource(inspector: Inspector, options: SourceOptions): Promise<OpenedSource> {
  const { recording, channels, from, to, skipInvalid = false, onInvalid, maxLineBytes } = options;
  if (recording === undefined) {
    if (channels === undefined || channels.length === 0) {
      throw new ConfigError("a replay needs a recording or channels");
    }
    const source = await liveSource(inspector, channels, { from, to });
    const described = { channels, from: source.from, to: source.to };
    return { source, described, partitions: source.partitions, channels };
  }
  const source =
    typeof recording === "string"
      ? await openRecording(recording, { skipInvalid, maxLineBytes, ...(onInvalid === undefined ? {} : { onInvalid }) })
      : recording;
  const { header, entries, path } = source;
  if (header.namespace !== inspector.namespace) {
    throw new ReplayError(`${path} is a recording of namespace "${header.namespace}", not of "${inspector.namespace}"`);
  }
  const unknown = channels?.find((channel) => !header.channels.includes(channel));
  if (unknown !== undefined) {
    throw new ReplayError(`${path} has no channel "${unknown}": it has ${header.channels.join(", ")}`);
  }
  const described = {
    recording: resolve(path),
    recordedAt: header.recordedAt,
    entries,
    ...(source.maxLineBytes === defaultMaxLineBytes ? {} : { maxLineBytes: source.maxLineBytes }),
  };
  return { source, described, partitions: header.partitions, channels: channels ?? header.channels };
}

/** Opens the same source for a resumed run. @throws as `openSource`, and {ReplayError} on a recording that was replaced */
export async function reopenSource(
  inspector: Inspector,
  { run, source: described, channels, skipInvalid }: RunRequest,
): Promise<OpenedSource> {
  if (!("recording" in described)) return openSource(inspector, described);
  const { recording, maxLineBytes } = described;
  const opened = await openSource(inspector, { recording, channels, skipInvalid, maxLineBytes });
  const now = opened.described;
  if (!("recording" in now) || now.recordedAt !== described.recordedAt || now.entries !== described.entries) {
    throw new ReplayError(`${described.recording} is no longer the recording with which run ${run} began`);
  }
  return opened;
}

/** Writes the result of a component's replay as a recording, which can be compared, read and replayed like any other. */

import { RecordingError, ReplayError } from "../../model/errors.ts";
import { RecordingWriter } from "../recording/recording-writer.ts";
import type { ReplayLine } from "../source/source.ts";
import type { ComponentReplay } from "./component-replay.ts";

/** The options of `writeReplay`. */
export interface WriteReplayOptions {
  /** Number of partitions of the recorded namespace. */
  readonly partitions: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs the replay and writes its lines: the entries that it read, its outputs and its settlements.
 * @returns false where the signal ended the replay early; the file is then partial
 * @throws {RecordingError} when the file exists or cannot be written
 * @throws {ReplayError} when the handlers publish to a channel that was not declared
 */
export async function writeReplay(
  replay: ComponentReplay,
  path: string,
  { partitions, signal }: WriteReplayOptions,
): Promise<boolean> {
  const channels = new Set(replay.channels);
  const header = { namespace: replay.namespace, partitions, channels: [...channels], components: [replay.component] };
  const range = { from: "-", to: "+", where: [], recordedAt: Date.now() };
  const writer = await RecordingWriter.create(path, { ...header, ...range });
  try {
    for await (const line of replay.lines(signal)) {
      if (writer.isFull) await writer.write();
      add(writer, line, channels);
    }
  } catch (error) {
    if (error instanceof RecordingError) await writer.abandon();
    else await writer.close(false).catch(() => undefined);
    throw error;
  }
  const isComplete = signal?.aborted !== true;
  await writer.close(isComplete);
  return isComplete;
}

function add(writer: RecordingWriter, line: ReplayLine, channels: ReadonlySet<string>): void {
  if (line.kind === "settlement") {
    writer.addSettlement(line.settlement);
    return;
  }
  const { channel, partition, entryId, fields } = line.entry;
  if (!channels.has(channel)) {
    throw new ReplayError(
      `the handlers publish to "${channel}", and a recording names its channels at its beginning: declare it among the outputs`,
    );
  }
  writer.addEntry(channel, partition, entryId, line.bytes === undefined ? { fields } : { bytes: line.bytes });
}

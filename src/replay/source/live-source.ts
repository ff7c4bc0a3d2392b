/** A range of the live log as the source of a replay. */

import { isUtf8 } from "node:buffer";
import { toLogEntry } from "../../inspect/entries/log-reader.ts";
import { compareIds, isUpTo } from "../../model/entry-ids.ts";
import { ReplayError } from "../../model/errors.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector, StreamFacts } from "../../ports/inspect.ts";
import { type MergedStream, mergeLog } from "../recording/log-merge.ts";
import type { ReplayLine, ReplaySource } from "./source.ts";

/** The range of the log. */
export interface LiveRange {
  /** First entry id, included; `(` before the id excludes it. A time in epoch ms is accepted too. Default: the oldest entry. */
  readonly from?: string | undefined;
  /** Last entry id, included. Default, and at the latest: the newest entry when the source was opened. */
  readonly to?: string | undefined;
  /** Components whose settlement logs are part of the source. */
  readonly components?: readonly string[] | undefined;
}

/** A line, as in a recording: `bytes` are an entry's fields where they are no valid UTF-8, so that the text is incomplete. */
export type LiveLine = ReplayLine & { readonly bytes?: readonly Buffer[] };

/** An open range of the log. */
export interface LiveSource extends ReplaySource {
  readonly from: string;
  /** End of the range, fixed whatever is appended meanwhile. */
  readonly to: string;
  lines(signal?: AbortSignal): AsyncGenerator<LiveLine, void, undefined>;
}

/**
 * Opens a range. The end of the log is read once: a replay ends there however long it runs, even when it writes into the channels that it
 * reads. Reads by range, so that no group's position changes.
 * @throws {ReplayError} on a channel that does not exist. @throws {StoreError}
 */
export async function liveSource(
  inspector: Inspector,
  channels: readonly string[],
  range: LiveRange = {},
): Promise<LiveSource> {
  const { namespace } = inspector;
  const { components = [] } = range;
  const partitions = (await inspector.catalogue())?.partitions ?? 1;
  const facts: StreamFacts[] = [];
  for (const channel of channels) {
    const found = await Promise.all(
      numbers(partitions).map((partition) => inspector.streamFacts({ channel, partition })),
    );
    const streams = found.filter((one) => one !== undefined);
    if (streams.length === 0) {
      throw new ReplayError(`there is no channel "${channel}" in namespace "${namespace}": nothing can be replayed`);
    }
    facts.push(...streams);
  }
  const newest = facts.map(({ lastEntryId }) => lastEntryId).filter(Boolean);
  const from = range.from ?? "-";
  const end = newest.sort(compareIds).at(-1) ?? "0-0";
  const to = range.to === undefined || isUpTo(end, range.to) ? end : range.to;
  // The settlements of the last entries are later than the entries.
  const settledTo = range.to ?? String(await inspector.now());
  const stream = (kind: MergedStream["kind"], name: string): readonly MergedStream[] =>
    numbers(partitions).map((partition) => ({ kind, name, partition, from, to: kind === "entry" ? to : settledTo }));
  return {
    name: `${channels.join(", ")} of namespace "${namespace}"`,
    namespace,
    channels,
    partitions,
    from,
    to,
    async *lines(signal) {
      const streams = [
        ...channels.flatMap((channel) => stream("entry", channel)),
        ...components.flatMap((component) => stream("settlement", component)),
      ];
      for await (const page of mergeLog(inspector, streams)) {
        for (const item of page) {
          if (signal?.aborted === true) return;
          if (item.settlement !== undefined) yield { kind: "settlement", settlement: item.settlement };
          else yield lineOf(inspector, item.entry, item.stream.partition);
        }
      }
    },
  };
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Makes a line. U+FFFD in text may be valid or replace invalid bytes, so the bytes of such entries are read. */
function lineOf(inspector: Inspector, stored: StoredEntry, partition: number): LiveLine | Promise<LiveLine> {
  const line: LiveLine = { kind: "entry", entry: toLogEntry(stored, partition) };
  if (!stored.fields.some((field) => field.includes("\ufffd"))) return line;
  const { channel, entryId } = stored;
  return inspector.fieldBytes({ channel, partition }, entryId).then((bytes) => {
    return bytes === undefined || bytes.every((field) => isUtf8(field)) ? line : { ...line, bytes };
  });
}

/** A range of the live log as what a replay reads. */

import { isUtf8 } from "node:buffer";
import { toLogEntry } from "../../inspect/entries/log-reader.ts";
import { compareIds, isUpTo } from "../../model/entry-ids.ts";
import { ReplayError } from "../../model/errors.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector, StreamFacts } from "../../ports/inspect.ts";
import { type MergedStream, mergeLog } from "../recording/log-merge.ts";
import type { ReplayLine, ReplaySource } from "./source.ts";

export interface LiveRange {
  /** First entry id, included; `(` before it leaves it out. A time in epoch ms will do. Default: the oldest entry. */
  readonly from?: string | undefined;
  /** Last entry id, included. Default, and at the latest: the newest entry when the source was opened. */
  readonly to?: string | undefined;
  /** Components whose settlement logs belong to it. */
  readonly components?: readonly string[] | undefined;
}

/** As a recording's: `bytes` are an entry's fields where they are no valid UTF-8, as their text has lost something. */
export type LiveLine = ReplayLine & { readonly bytes?: readonly Buffer[] };

export interface LiveSource extends ReplaySource {
  /** How many the namespace has. */
  readonly partitions: number;
  readonly from: string;
  /** Where it ends, whatever is appended meanwhile. */
  readonly to: string;
  lines(signal?: AbortSignal): AsyncGenerator<LiveLine, void, undefined>;
}

/**
 * Looks once where the log ends: a replay ends there however long it runs, and also when it writes into the channels that it reads. Reads
 * by range, so that no group's position is touched.
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
  // What settled the last entries stands after them.
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

/** Valid text may hold the sign for what was not: only its bytes tell. */
function lineOf(inspector: Inspector, stored: StoredEntry, partition: number): LiveLine | Promise<LiveLine> {
  const line: LiveLine = { kind: "entry", entry: toLogEntry(stored, partition) };
  if (!stored.fields.some((field) => field.includes("\ufffd"))) return line;
  const { channel, entryId } = stored;
  return inspector.fieldBytes({ channel, partition }, entryId).then((bytes) => {
    return bytes === undefined || bytes.every((field) => isUtf8(field)) ? line : { ...line, bytes };
  });
}

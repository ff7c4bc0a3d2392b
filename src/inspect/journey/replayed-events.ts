/** Finds where replays have republished events: in the namespaces that the runs of this one went to. */

import { StoreError } from "../../model/errors.ts";
import { replayedId } from "../../model/replay-mark.ts";
import type { Inspector, ReplayRun } from "../../ports/inspect.ts";
import { eventIdOf } from "../entries/entry-json.ts";
import { toLogEntry } from "../entries/log-reader.ts";
import { mergedPages } from "../entries/stream-merge.ts";

/** An event as a run has republished it. */
export interface ReplayedPlace {
  readonly run: string;
  readonly namespace: string;
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
  readonly id: string;
}

/** By the id of the original, in the order of the runs. @throws {StoreError} */
export async function findReplayed(
  inspector: Inspector,
  originalIds: readonly string[],
): Promise<ReadonlyMap<string, readonly ReplayedPlace[]>> {
  const found = new Map<string, ReplayedPlace[]>();
  if (originalIds.length === 0) return found;
  for (const run of await inspector.replayRuns(maxRuns)) {
    const target = run.namespace === inspector.namespace ? inspector : inspector.beside(run.namespace);
    try {
      for await (const [originalId, place] of placesOf(target, run, originalIds)) {
        const places = found.get(originalId) ?? [];
        places.push(place);
        found.set(originalId, places);
      }
    } catch (error) {
      // A shadow that this user may not read is not shown.
      if (!(error instanceof StoreError && error.message.includes("NOPERM"))) throw error;
    } finally {
      if (target !== inspector) await target[Symbol.asyncDispose]();
    }
  }
  return found;
}

/** The latest runs are looked at, and no others: each costs a look through what it has written. */
const maxRuns = 20;

async function* placesOf(
  target: Inspector,
  { run, namespace, channels, createdAt }: ReplayRun,
  originalIds: readonly string[],
): AsyncGenerator<readonly [originalId: string, place: ReplayedPlace], void, undefined> {
  const catalogue = await target.catalogue();
  if (catalogue === undefined) return; // removed meanwhile
  const wanted = new Map(originalIds.map((id) => [replayedId(id, run), id]));
  const streams = channels.flatMap((channel) =>
    Array.from({ length: catalogue.partitions }, (_, partition) => ({ channel, partition })),
  );
  const range = { from: String(createdAt), to: "+", reverse: false };
  for await (const { entry, stream } of mergedPages(target, streams, range)) {
    const id = eventIdOf(toLogEntry(entry, stream.partition));
    const originalId = wanted.get(id);
    if (originalId === undefined) continue;
    wanted.delete(id);
    const { partition, channel } = stream;
    yield [originalId, { run, namespace, channel, partition, entryId: entry.entryId, id }];
    if (wanted.size === 0) return;
  }
}

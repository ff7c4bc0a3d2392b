/** Finds the events into which replays have republished given ones, in the namespaces that the runs wrote to. */

import { StoreError } from "../../model/errors.ts";
import { replayedId } from "../../model/replay-mark.ts";
import type { Inspector, ReplayRun } from "../../ports/inspect.ts";
import { eventIdOf } from "../entries/entry-json.ts";
import { toLogEntry } from "../entries/log-reader.ts";
import { mergedPages } from "../entries/stream-merge.ts";

/** An event that a run made of an original. */
export interface ReplayedEvent {
  readonly run: string;
  readonly namespace: string;
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
  readonly id: string;
}

/** Searches the latest runs. Gives the events by the original's id, in the order of the runs. @throws {StoreError} */
export async function findReplayed(
  inspector: Inspector,
  originalIds: readonly string[],
): Promise<ReadonlyMap<string, readonly ReplayedEvent[]>> {
  const found = new Map<string, ReplayedEvent[]>();
  if (originalIds.length === 0) return found;
  for (const run of await inspector.replayRuns(maxRuns)) {
    const target = run.namespace === inspector.namespace ? inspector : inspector.beside(run.namespace);
    try {
      for await (const [originalId, event] of eventsOf(target, run, originalIds)) {
        const events = found.get(originalId) ?? [];
        events.push(event);
        found.set(originalId, events);
      }
    } catch (error) {
      // This user may not read the shadow, so its events are not shown.
      if (!(error instanceof StoreError && error.message.includes("NOPERM"))) throw error;
    } finally {
      if (target !== inspector) await target[Symbol.asyncDispose]();
    }
  }
  return found;
}

/** Number of latest runs that are searched: each costs a read through everything that it wrote. */
const maxRuns = 20;

async function* eventsOf(
  target: Inspector,
  { run, namespace, channels, createdAt }: ReplayRun,
  originalIds: readonly string[],
): AsyncGenerator<readonly [originalId: string, event: ReplayedEvent], void, undefined> {
  const catalogue = await target.catalogue();
  if (catalogue === undefined) return; // the namespace was removed meanwhile
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

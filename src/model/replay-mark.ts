/** What tells a replayed event from an original: its id, and two causes that stand before all others (docs/wire-format.md). */

import type { Cause } from "./event.ts";
import { deriveEventId } from "./event-id.ts";

/** The id of an event as a run republishes it. The same run always gives the same one. */
export function replayedId(originalId: string, run: string): string {
  return deriveEventId(originalId, run, "replay");
}

/** Where a replayed event comes from. */
export interface Replayed {
  readonly run: string;
  /** The event id of the original. */
  readonly originalId: string;
}

const markPrefix = "replay:";

/**
 * The causes of a replayed event: the run and the original, by their contexts, so that whoever handles it links to both; then the
 * causes that the original had. They come last because an entry keeps so many causes and no more.
 */
export function markCauses(run: Cause, original: Cause, causes: readonly Cause[]): readonly Cause[] {
  return [{ id: `${markPrefix}${run.id}`, traceparent: run.traceparent }, original, ...causes];
}

/** Undefined for an event that no replay has made. */
export function replayedOf(causes: readonly Cause[]): Replayed | undefined {
  const [mark, original] = causes;
  if (mark === undefined || original === undefined || !mark.id.startsWith(markPrefix)) return undefined;
  return { run: mark.id.slice(markPrefix.length), originalId: original.id };
}

/** What the event was derived from, without what marks it as replayed. */
export function storyCauses(causes: readonly Cause[]): readonly Cause[] {
  return replayedOf(causes) === undefined ? causes : causes.slice(2);
}

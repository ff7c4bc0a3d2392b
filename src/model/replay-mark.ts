/** The mark of a replayed event: a derived id, and two causes before all others (docs/reference/wire-format.md). */

import type { Cause } from "./event.ts";
import { deriveEventId } from "./event-id.ts";

/** The id that an event has when a run republishes it. The same run always gives the same id. */
export function replayedId(originalId: string, run: string): string {
  return deriveEventId(originalId, run, "replay");
}

/** The origin of a replayed event. */
export interface Replayed {
  readonly run: string;
  /** The original's event id. */
  readonly originalId: string;
}

const markPrefix = "replay:";

/**
 * The causes of a replayed event: the run and the original, so that the handling span links to both; then the original's own causes.
 * Those come last because an entry keeps a limited number of causes.
 */
export function markCauses(run: Cause, original: Cause, causes: readonly Cause[]): readonly Cause[] {
  return [{ id: `${markPrefix}${run.id}`, traceparent: run.traceparent }, original, ...causes];
}

/** The origin of a replayed event; undefined for an event that no replay made. */
export function replayedOf(causes: readonly Cause[]): Replayed | undefined {
  const [mark, original] = causes;
  if (mark === undefined || original === undefined || !mark.id.startsWith(markPrefix)) return undefined;
  return { run: mark.id.slice(markPrefix.length), originalId: original.id };
}

/** The causes without those that mark the event as replayed. */
export function storyCauses(causes: readonly Cause[]): readonly Cause[] {
  return replayedOf(causes) === undefined ? causes : causes.slice(2);
}

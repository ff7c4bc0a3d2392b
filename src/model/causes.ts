/** The causes of an event, made from references to other events. */

import { maxCauses } from "./envelope.ts";
import { ChannelError } from "./errors.ts";
import type { Cause, EventRef } from "./event.ts";
import { requireWellFormed } from "./well-formed-text.ts";

/** Turns references into causes. @throws {ChannelError} on more causes than an entry keeps, and on an id that is not well-formed Unicode */
export function toCauses(refs: readonly EventRef[]): readonly Cause[] {
  if (refs.length > maxCauses) throw new ChannelError(`an event has up to ${maxCauses} causes, not ${refs.length}`);
  return refs.map(({ id, traceparent, stories = "" }) => {
    requireWellFormed("a cause's id", id);
    return stories === "" ? { id, traceparent } : { id, traceparent, stories };
  });
}

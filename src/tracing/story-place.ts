/** The place of an output's span in the story that it belongs to. */

import { type Context, TraceFlags, trace } from "@opentelemetry/api";
import type { AttemptSpans } from "./attempt-spans.ts";
import type { OutputStory } from "./output-story.ts";
import type { SendPlace } from "./send-place.ts";

/**
 * Below the handler's own span in the story, where it has one, as the output is a part of what the handler did; else below the cause.
 * `isOwn`: what is active is the handler's own context, in which nobody has changed anything.
 */
export function placeIn(
  { chosen, causes, ids, stories }: OutputStory,
  active: Context,
  isOwn: boolean,
  spans: AttemptSpans | undefined,
): SendPlace {
  const around = trace.getSpanContext(active);
  const own = around?.traceId === chosen.traceId ? around : spans?.in(chosen);
  const parent = own ?? chosen;
  const targets = causes.filter(({ spanId }) => spanId !== parent.spanId);
  // A handler's span in another trace, as that of a report which began one: it is linked where it is kept.
  if (own === undefined && around !== undefined && (around.traceFlags & TraceFlags.SAMPLED) !== 0) targets.push(around);
  return { parent, context: isOwn ? undefined : trace.setSpanContext(active, parent), targets, ids, stories };
}

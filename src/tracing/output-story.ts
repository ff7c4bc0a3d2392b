/**
 * Decides which story an output belongs to. Its stated causes say so, the first one before the others: the output continues the first
 * sampled one's trace, or where none is sampled the first one's. The stories of the other sampled causes go along on its entry.
 */

import type { SpanContext } from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import type { Correlation } from "../model/channel.ts";
import type { Cause } from "../model/event.ts";
import { type Baggage, type CarrierLimits, noBaggage, TraceFields } from "./carrier.ts";
import type { HandledEvents } from "./handled-events.ts";
import { encodeStories, type Story } from "./stories-field.ts";
import { isFlaggedSampled, isTraceparent, isTracestate, spanContextOf } from "./trace-context.ts";

/** An output's place among stories. */
export interface OutputStory {
  /** The cause whose trace and flag the output has. */
  readonly chosen: SpanContext;
  /** The trace fields where no span is made of the output; without baggage. */
  readonly carrier: Carrier;
  /** All sampled causes. */
  readonly causes: readonly SpanContext[];
  /** The ids that the output's span has in place of those of several stories. */
  readonly ids: Baggage;
  /** Stories for which the field had no room are among these. */
  readonly stories: number;
}

/** The story of what comes of these causes; undefined where none of them was traced. */
export function storyOf(
  causes: readonly Cause[],
  handled: HandledEvents | undefined,
  correlation: Correlation,
  limits: CarrierLimits,
): OutputStory | undefined {
  let first: Cause | undefined;
  let sampled: Cause[] | undefined;
  for (const cause of causes) {
    const { traceparent } = cause;
    const isSampled = isFlaggedSampled(traceparent);
    if ((first !== undefined && !isSampled) || !isTraceparent(traceparent)) continue;
    first ??= cause;
    if (!isSampled) continue;
    sampled ??= [];
    sampled.push(cause);
  }
  if (first === undefined) return undefined;
  if (sampled === undefined) return unsampledStory(first, handled);
  const parts = new Parts();
  const contexts: SpanContext[] = [];
  let areSeveral = causes.length > 1;
  for (const cause of sampled) {
    const at = handled?.indexOf(cause.id) ?? -1;
    const context =
      handled?.origins[at] ?? (spanContextOf(cause.traceparent, tracestateAt(handled, at)) as SpanContext);
    contexts.push(context);
    const [own, ...further] = handled?.storiesOf(cause) ?? [];
    areSeveral ||= own !== undefined;
    parts.add(context, handled && (() => (at >= 0 ? handled.idsAt(at) : (own?.ids ?? handled.idsIn(context.traceId)))));
    for (const { origin, ids } of further) if (origin !== undefined) parts.add(origin, () => ids);
  }
  const chosen = contexts[0] as SpanContext;
  const stories = areSeveral || handled?.storiesAt(0).length ? parts.stories(causes, handled, correlation) : [];
  const carrier = new TraceFields(
    (sampled[0] as Cause).traceparent,
    chosen.traceState?.serialize() ?? "",
    "",
    encodeStories(stories, limits),
  );
  return { chosen, carrier, causes: contexts, ids: stories[0]?.ids ?? noBaggage, stories: parts.all.length };
}

function unsampledStory({ id, traceparent }: Cause, handled: HandledEvents | undefined): OutputStory | undefined {
  const tracestate = tracestateAt(handled, handled?.indexOf(id) ?? -1);
  const chosen = spanContextOf(traceparent, tracestate);
  if (chosen === undefined) return undefined;
  return {
    chosen,
    carrier: new TraceFields(traceparent, tracestate, "", ""),
    causes: none,
    ids: noBaggage,
    stories: 0,
  };
}

/** The readable tracestate of an entry; a cause that is not being handled has none. */
function tracestateAt(handled: HandledEvents | undefined, at: number): string {
  const tracestate = handled?.entries[at]?.carrier.tracestate ?? "";
  return tracestate === "" || isTracestate(tracestate) ? tracestate : "";
}

/** The parts that an output has in stories, each once. */
class Parts {
  readonly all: { readonly origin: SpanContext; readonly ids: (() => Baggage) | undefined }[] = [];
  readonly #traces = new Set<string>();

  add(origin: SpanContext, ids: (() => Baggage) | undefined): void {
    if (this.#traces.has(origin.traceId)) return;
    this.#traces.add(origin.traceId);
    this.all.push({ origin, ids });
  }

  /** The stories with the ids that tell them apart: those of which the output itself has several, or none. */
  stories(causes: readonly Cause[], handled: HandledEvents | undefined, correlation: Correlation): readonly Story[] {
    const inherited = handled?.inherited(causes) ?? noBaggage;
    return this.all.map(({ origin, ids }) => ({
      origin,
      ids: ids === undefined ? noBaggage : apart(ids(), inherited, correlation),
    }));
  }
}

function apart(ids: Baggage, inherited: Baggage, correlation: Correlation): Baggage {
  const own = new Map<string, string>();
  for (const [key, value] of ids) {
    if (value.includes("|")) continue;
    const stated = statedValue(correlation, key);
    const isWanted =
      stated === undefined
        ? (inherited.get(key)?.includes("|") ?? true)
        : Array.isArray(stated) && stated.length > 1 && stated.includes(value);
    if (isWanted) own.set(key, value);
  }
  return own;
}

/** The value of a key; untyped callers may have one whose getter throws. */
function statedValue(correlation: Correlation, key: string): unknown {
  try {
    return correlation[key];
  } catch {
    return undefined;
  }
}

const none: readonly SpanContext[] = Object.freeze([]);

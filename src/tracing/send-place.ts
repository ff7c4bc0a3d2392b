/** The place of a send span among other spans. */

import { type Context, type SpanContext, trace } from "@opentelemetry/api";
import type { Baggage } from "./carrier.ts";
import type { SpanIdentity } from "./span-identity.ts";

export interface SendPlace {
  readonly parent: SpanContext | undefined;
  /** The context in which it is published; undefined where it is just its parent's. */
  readonly context: Context | undefined;
  /** The spans that it links to. */
  readonly targets: readonly SpanContext[];
  /** The ids that the span has in place of those of several stories. */
  readonly ids: Baggage | undefined;
  /** The ids of a span that is made again; otherwise they derive from the event. */
  readonly identity?: SpanIdentity;
  /** True where the one event being handled is among the stated causes. */
  readonly isContinued?: boolean;
  /** The number of stories that the event belongs to, as far as it is known; 0 for one that states no causes. */
  readonly stories: number;
}

/** Without stated causes, and without a story that the event being handled shares: a child of what is active. */
export function plainPlace(active: Context): SendPlace {
  return { parent: trace.getSpanContext(active), context: active, targets: noTargets, ids: undefined, stories: 0 };
}

export const noTargets: readonly SpanContext[] = Object.freeze([]);

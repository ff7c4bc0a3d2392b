/** The links of a span: each distinct, and no more than a span can hold. */

import { type Attributes, type Link, type SpanContext, TraceFlags } from "@opentelemetry/api";
import type { Cause } from "../model/event.ts";
import { listOf } from "../model/single-item-list.ts";
import { attribute } from "./attributes.ts";
import { spanContextOf } from "./trace-context.ts";

/** Most links of a span. Beyond it the SDK drops the oldest silently, so that the choice is made here: the first ones stay. */
const maxLinks = 128;

export function causeContexts(causes: readonly Cause[]): SpanContext[] {
  const contexts: SpanContext[] = [];
  for (const { traceparent } of causes) {
    const spanContext = spanContextOf(traceparent);
    if (spanContext !== undefined) contexts.push(spanContext);
  }
  return contexts;
}

class LinkTo implements Link {
  readonly context: SpanContext;

  constructor(context: SpanContext) {
    this.context = context;
  }
}

/**
 * Makes links to the given spans, each once: to the sampled ones, as a link to any other points at nothing. Where none is sampled they
 * all are there, for the sampler to see. Where there are too many for a span, the total becomes an attribute.
 */
export function linksTo(targets: readonly (SpanContext | undefined)[], attributes: Attributes): Link[] {
  let links: Link[] | undefined;
  const seen = targets.length > 1 ? new Set<string>() : undefined;
  const isAnySampled = targets.some(isSampled);
  for (const target of targets) {
    if (target === undefined || (isAnySampled && !isSampled(target))) continue;
    if (seen !== undefined) {
      const id = target.traceId + target.spanId;
      if (seen.has(id)) continue;
      seen.add(id);
    }
    const link = new LinkTo(target);
    if (links === undefined) links = listOf(link);
    else links.push(link);
  }
  if (links === undefined) return [];
  if (links.length <= maxLinks) return links;
  attributes[attribute.linksTotal] = links.length;
  return links.slice(0, maxLinks);
}

function isSampled(target: SpanContext | undefined): boolean {
  return target !== undefined && (target.traceFlags & TraceFlags.SAMPLED) !== 0;
}

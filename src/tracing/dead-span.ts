/** Opens the span of writing a dead letter. */

import { type Attributes, type Context, type Span, type SpanContext, SpanKind } from "@opentelemetry/api";
import type { Processing } from "../ports/tracing.ts";
import { attribute, correlateBatch } from "./attributes.ts";
import { WriteIdentity } from "./derived-ids.ts";
import type { HandledEvents } from "./handled-events.ts";
import { linksTo } from "./links.ts";
import type { SpanSource } from "./sdk.ts";
import type { SpanOpener } from "./span-opener.ts";
import { applyIds } from "./stories-field.ts";

/** `parent`: the attempt that failed. */
export function openDead(
  source: SpanSource,
  opener: SpanOpener,
  { channel, entries, partition }: Processing,
  events: HandledEvents,
  parent: SpanContext,
  context: Context,
): Span {
  const spans = opener.channels.of(channel);
  const attributes: Attributes = {};
  const [entry] = entries;
  if (entry !== undefined && entries.length === 1) attributes[attribute.eventId] = entry.eventId;
  correlateBatch(attributes, entries, events.baggages);
  if (entries.length === 1) applyIds(attributes, events.storiesAt(0)[0]?.ids);
  const links = linksTo(events.origins, attributes);
  const statics = spans.of("sendDead", partition);
  const identity = new WriteIdentity("dead", entry?.eventId ?? "");
  const place = { links, parent, context, identity };
  return source.open({ ...place, name: spans.sendDeadName, kind: SpanKind.CLIENT, statics, attributes });
}

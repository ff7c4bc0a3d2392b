/**
 * The `send` or `create` span of an entry. Its own id is on the entry; its parent, and what it links to, are found by the call that published
 * it: of all that they could have been, the one from which the id derives.
 */

import { ROOT_CONTEXT, type SpanContext, trace } from "@opentelemetry/api";
import { timeOf } from "../../model/envelope.ts";
import type { Cause } from "../../model/event.ts";
import type { Delivered, Sending } from "../../ports/tracing.ts";
import { attribute } from "../attributes.ts";
import { isAttemptId, WriteIdentity, type WriteKind } from "../derived-ids.ts";
import { causeContexts } from "../links.ts";
import { storyOf } from "../output-story.ts";
import { isPlainBaggage } from "../plain-baggage.ts";
import { noTargets, type SendPlace } from "../send-place.ts";
import type { SpanIdentity } from "../span-identity.ts";
import type { SpanOpener } from "../span-opener.ts";
import { decodeStories } from "../stories-field.ts";
import { placeIn as placeInStory } from "../story-place.ts";
import { isFlaggedSampled, NamedSpan, spanContextOf } from "../trace-context.ts";
import type { RebuiltCall, TimedSource } from "./rebuilt-call.ts";

/** An event that happened so long before it was appended was not published then, ms. */
const longestSendMs = 60_000;

/** An entry, and what its channel says about it. */
export interface Written {
  readonly sending: Sending;
  readonly delivered: Delivered;
}

/** A place of the span from which its id may derive. */
interface Candidate {
  readonly kind: WriteKind;
  readonly place: Omit<SendPlace, "ids" | "context">;
  readonly call: RebuiltCall | undefined;
}

/** The spans that a parent may be. */
export interface Parents {
  /** Whether the log has a `send` span of this id in the trace. */
  readonly isKnown: (traceId: string, spanId: string) => boolean;
  /** True: it may be any. */
  readonly outside: boolean;
}

/** `unsampled`: nobody made a span of it. `untold`: it has a parent that the log does not name, or an id that does not derive from it. */
export type WriteResult = { readonly told: RebuiltCall | undefined } | "unsampled" | "untold";

/** The ids that are on the entry. */
class OwnIdentity implements SpanIdentity {
  readonly #own: SpanContext;

  constructor(own: SpanContext) {
    this.#own = own;
  }

  traceId(): string {
    return this.#own.traceId;
  }

  spanId(): string {
    return this.#own.spanId;
  }
}

/** Makes the span. `calls`: those that may have published it. */
export function tellWrite(
  opener: SpanOpener,
  source: TimedSource,
  written: Written,
  calls: readonly RebuiltCall[],
  parents: Parents,
  began: (call: RebuiltCall | undefined) => void,
): WriteResult {
  const { carrier, entryId, time } = written.delivered;
  if (!isFlaggedSampled(carrier.traceparent)) return "unsampled";
  const own = spanContextOf(carrier.traceparent, carrier.tracestate);
  if (own === undefined) return "unsampled";
  const found = placeOf(opener, written, own, calls, parents);
  if (found === undefined) return "untold";
  began(found.call);
  const { limits } = opener;
  const { stories: named = "" } = carrier;
  const [story] = named === "" ? [] : decodeStories(named, limits, () => undefined);
  const { parent, targets, stories } = found.place;
  const place = { parent, context: undefined, targets, ids: story?.ids, stories, identity: new OwnIdentity(own) };
  const baggage = isPlainBaggage(carrier.baggage, limits)
    ? undefined
    : opener.decodeBaggage(written.sending.channel.name, carrier);
  const appendedMs = timeOf(entryId);
  const isPrompt = time <= appendedMs && appendedMs - time < longestSendMs;
  source.startMs = isPrompt ? time : appendedMs;
  source.isForced = true;
  const verb = found.kind === "create" ? "create" : "send";
  const span = opener.startSend(source, verb, place, carrier.baggage, baggage, written.sending);
  if ("end" in span) span.setAttribute(attribute.entryId, entryId).end(appendedMs);
  return { told: found.call };
}

function placeOf(
  opener: SpanOpener,
  written: Written,
  own: SpanContext,
  calls: readonly RebuiltCall[],
  parents: Parents,
): Candidate | undefined {
  for (const call of calls) {
    const found = placeIn(opener, written, own, call);
    if (found !== undefined) return found;
  }
  return byItself(written, own, calls, parents);
}

/** Published in this call: what it stated is what the entry names, with or without the event that was handled. */
function placeIn(
  opener: SpanOpener,
  { sending, delivered }: Written,
  own: SpanContext,
  call: RebuiltCall,
): Candidate | undefined {
  const { events, spans } = call;
  const { main } = spans;
  if (main === undefined) return undefined;
  const isBelow = (parent: SpanContext | undefined, kind: WriteKind): boolean =>
    parent?.traceId === own.traceId &&
    new WriteIdentity(kind, sending.eventId).spanId(own.traceId, parent.spanId) === own.spanId;
  const inStory = (causes: readonly Cause[], ...kinds: readonly WriteKind[]): Candidate | undefined => {
    const story = storyOf(inTrace(causes, own.traceId), events, sending.correlation, opener.limits);
    if (story === undefined) return undefined;
    const { parent, targets, stories } = placeInStory(story, trace.setSpan(ROOT_CONTEXT, main), true, spans);
    for (const kind of kinds) if (isBelow(parent, kind)) return { kind, place: { parent, targets, stories }, call };
    return undefined;
  };
  const { causes } = delivered;
  if (!events.isSingle) return inStory(causes, "caused", "send");
  const around = main.spanContext();
  if (isBelow(around, "send")) return { kind: "send", place: { parent: around, targets: noTargets, stories: 0 }, call };
  const [source] = events.entries;
  const [first, ...others] = causes;
  const caused = others.length > 0 ? inStory(others, "caused") : undefined;
  if (caused !== undefined || first === undefined || source === undefined) return caused;
  const { traceparent, stories } = source.carrier;
  const itself = { id: source.eventId, traceparent, ...(stories ? { stories } : {}) };
  return inStory([itself, ...others], "continued");
}

/** The causes, that of the trace first: an entry names the event being handled first, wherever it was stated. */
function inTrace(causes: readonly Cause[], traceId: string): readonly Cause[] {
  const chosen = causes.find(({ traceparent }) => traceparent.startsWith(traceId, 3));
  if (chosen === undefined || chosen === causes[0]) return causes;
  return [chosen, ...causes.filter((cause) => cause !== chosen)];
}

/** Nothing that the log tells has published it in this way: the parent is read out of its id. */
function byItself(
  { sending, delivered }: Written,
  own: SpanContext,
  calls: readonly RebuiltCall[],
  { isKnown, outside }: Parents,
): Candidate | undefined {
  const { traceId } = own;
  const causes = causeContexts(delivered.causes);
  const kinds = causes.length === 0 ? noCauseKinds : causeKinds;
  for (const isAny of outside ? [false, true] : [false]) {
    for (const kind of kinds) {
      const spanId = new WriteIdentity(kind, sending.eventId).parentOf(traceId, own.spanId);
      const targets = kind === "caused" || kind === "continued" || sending.causes.length > 0 ? causes : [];
      if (spanId === "") return { kind, place: { parent: undefined, targets, stories: 0 }, call: undefined };
      const isCause = causes.some((cause) => cause.traceId === traceId && cause.spanId === spanId);
      if (!isAny && !isCause && !isAttemptId(traceId, spanId) && !isKnown(traceId, spanId)) continue;
      const parent = new NamedSpan(traceId, spanId, own.traceFlags, true, own.traceState);
      // An entry names the event that was handled first; whoever handled another of its causes has not published it.
      const [handled] = delivered.causes;
      const call = calls.find(({ events }) => !events.isSingle || events.indexOf(handled?.id ?? "") === 0);
      const around = isCause ? call?.spans.main?.spanContext() : undefined;
      const others = targets.filter((target) => target.spanId !== spanId);
      const all = around === undefined ? others : [...others, around];
      return { kind, place: { parent, targets: all, stories: 0 }, call };
    }
  }
  return undefined;
}

const noCauseKinds: readonly WriteKind[] = ["send", "create"];
const causeKinds: readonly WriteKind[] = ["caused", "continued", "send", "create"];

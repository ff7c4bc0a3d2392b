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
import type { SendPlace } from "../send-place.ts";
import type { SpanOpener } from "../span-opener.ts";
import { decodeStories } from "../stories-field.ts";
import { placeIn } from "../story-place.ts";
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
  const [story] = decodeStories(carrier.stories ?? "", limits, () => undefined);
  const identity = { traceId: () => own.traceId, spanId: () => own.spanId };
  const place = { ...found.place, context: undefined, ids: story?.ids, identity };
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
  const { eventId } = written.sending;
  for (const call of calls) {
    for (const candidate of candidatesOf(opener, written, own, call)) {
      const { parent } = candidate.place;
      if (parent?.traceId !== own.traceId) continue;
      if (new WriteIdentity(candidate.kind, eventId).spanId(own.traceId, parent.spanId) === own.spanId)
        return candidate;
    }
  }
  return byItself(written, own, calls, parents);
}

/** Published in this call: what it stated is what the entry names, with or without the event that was handled. */
function* candidatesOf(
  opener: SpanOpener,
  { sending, delivered }: Written,
  own: SpanContext,
  call: RebuiltCall,
): Generator<Candidate> {
  const { main } = call.spans;
  if (main === undefined) return;
  const active = trace.setSpan(ROOT_CONTEXT, main);
  const plain = { parent: main.spanContext(), targets: [], stories: 0 };
  const { events } = call;
  const [first, ...others] = delivered.causes;
  const continued = (causes: readonly Cause[], kind: WriteKind): Candidate | undefined => {
    const story = storyOf(inTrace(causes, own.traceId), events, sending.correlation, opener.limits);
    if (story === undefined) return undefined;
    const { parent, targets, stories } = placeIn(story, active, true, call.spans);
    return { kind, place: { parent, targets, stories }, call };
  };
  if (events.isSingle) {
    yield { kind: "send", place: plain, call };
    if (others.length > 0) {
      const caused = continued(others, "caused");
      if (caused !== undefined) yield caused;
    }
    const [source] = events.entries;
    if (first === undefined || source === undefined) return;
    const { traceparent, stories } = source.carrier;
    const itself = { id: source.eventId, traceparent, ...(stories ? { stories } : {}) };
    const all = continued([itself, ...others], "continued");
    if (all !== undefined) yield all;
    return;
  }
  const caused = continued(delivered.causes, "caused");
  if (caused === undefined) return;
  yield caused;
  yield { ...caused, kind: "send" };
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

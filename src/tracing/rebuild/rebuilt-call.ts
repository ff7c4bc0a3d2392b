/** A handler call out of the settlement log, with the spans that it had. */

import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Outcome, Processing } from "../../ports/tracing.ts";
import { AttemptSpans } from "../attempt-spans.ts";
import { attribute } from "../attributes.ts";
import { openDead } from "../dead-span.ts";
import { HandledEvents } from "../handled-events.ts";
import type { SpanSource } from "../sdk.ts";
import type { SpanOpener } from "../span-opener.ts";

/** A source of spans that begin when they began. */
export interface TimedSource extends SpanSource {
  /** Start of the spans that are opened next, epoch ms. */
  startMs: number;
  /** True: a root is kept, whatever its id: the log says that it was. */
  isForced: boolean;
}

/** The end of a call. */
export interface CallEnd {
  readonly outcome: Outcome;
  readonly startMs: number;
  readonly endMs: number;
  readonly errorType?: string | undefined;
  readonly error?: string | undefined;
  /** Of a dead letter: its id. */
  readonly deadId?: string | undefined;
}

export class RebuiltCall {
  readonly processing: Processing;
  readonly events: HandledEvents;
  readonly spans: AttemptSpans;

  constructor(opener: SpanOpener, processing: Processing) {
    this.processing = processing;
    this.events = new HandledEvents(opener, processing);
    this.spans = new AttemptSpans(opener, processing, this.events, undefined);
  }

  /** Makes its spans, in the order of time: an attempt links to the one before it. */
  tell(opener: SpanOpener, source: TimedSource, end: CallEnd): void {
    const { processing, events, spans } = this;
    const { outcome, startMs, endMs, errorType, deadId } = end;
    source.startMs = startMs;
    source.isForced = false;
    spans.open(source);
    const { main } = spans;
    if (main === undefined) return;
    const error = errorType === undefined ? undefined : errorOf(errorType, end.error ?? "");
    if (deadId !== undefined) {
      const around = trace.setSpan(ROOT_CONTEXT, main);
      source.startMs = endMs;
      openDead(source, opener, processing, events, main.spanContext(), around)
        .setAttribute(attribute.entryId, deadId)
        .end(endMs);
    }
    spans.end(outcome, errorType, error, endMs);
    opener.earlier.note(processing, main.spanContext(), outcome);
    // Thousands of calls are remembered for what they published, which needs the ids alone.
    spans.main = trace.wrapSpanContext(main.spanContext());
  }
}

/** The error as far as the log has it. */
function errorOf(code: string, message: string): Error {
  const error = Object.assign(new Error(message), { code });
  delete error.stack;
  return error;
}

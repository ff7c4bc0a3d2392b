/** The span of a whole replay, and the attempts that belong to it. */

import { type Attributes, type Link, type Span, SpanKind, trace } from "@opentelemetry/api";
import { errorTypeOf } from "../model/error-facts.ts";
import type { Processing, ProcessSpan, Replaying, ReplaySpan, Republishing, SendSpan } from "../ports/tracing.ts";
import type { ReplayedIn } from "./attempt-spans.ts";
import { attribute, correlate } from "./attributes.ts";
import { linksTo } from "./links.ts";
import { ProcessScope } from "./process-span.ts";
import { currentSource, type SpanSource } from "./sdk.ts";
import { fail, PassedSend, UnmeasuredSend } from "./send-spans.ts";
import type { SpanOpener } from "./span-opener.ts";
import { spanContextOf, traceparentOf } from "./trace-context.ts";

export class ReplayScope implements ReplaySpan {
  readonly #opener: SpanOpener;
  readonly #replaying: Replaying;
  #span: Span | undefined;

  constructor(opener: SpanOpener, replaying: Replaying) {
    this.#opener = opener;
    this.#replaying = replaying;
  }

  open(): void {
    const { channels, component, runId } = this.#replaying;
    const name = channels.join(",");
    const attributes: Attributes = {
      [attribute.system]: "redis",
      [attribute.operationName]: "replay",
      [attribute.channel]: name,
      [attribute.replayRun]: runId,
    };
    if (component !== undefined) attributes[attribute.component] = component;
    const source = currentSource();
    if (source === undefined) return;
    this.#span = openRoot(source, `replay ${name}`, SpanKind.INTERNAL, {}, attributes, []);
  }

  get traceparent(): string {
    return this.#span === undefined ? "" : traceparentOf(this.#span.spanContext());
  }

  process(processing: Processing): ProcessSpan {
    const replay: ReplayedIn = { runId: this.#replaying.runId, span: this.#span?.spanContext() };
    const scope = new ProcessScope(this.#opener, processing, replay);
    this.#opener.faults.attempt("process", () => scope.open(), undefined);
    return scope;
  }

  republish(republishing: Republishing): SendSpan {
    const { faults } = this.#opener;
    const { baggage } = republishing.carrier;
    const untraced = new PassedSend({ traceparent: "", tracestate: "", baggage });
    return faults.attempt<SendSpan>("send", () => this.#openSend(republishing) ?? untraced, untraced);
  }

  #openSend({ channel, partition, eventId, carrier }: Republishing): SendSpan | undefined {
    const source = currentSource();
    if (source === undefined) return undefined;
    const opener = this.#opener;
    const spans = opener.channels.of(channel);
    const attributes: Attributes = {
      [attribute.eventId]: eventId,
      [attribute.replayRun]: this.#replaying.runId,
    };
    correlate(attributes, opener.decodeBaggage(channel.name, carrier), {});
    const links = linksTo([this.#span?.spanContext(), spanContextOf(carrier.traceparent)], attributes);
    const span = openRoot(source, spans.sendName, SpanKind.PRODUCER, spans.of("send", partition), attributes, links);
    return new UnmeasuredSend(opener.faults, span, opener.inject(span, carrier.baggage));
  }

  ended(entries: number, error?: unknown): void {
    const span = this.#span;
    if (span === undefined) return;
    this.#opener.faults.attempt(
      "replay",
      () => {
        span.setAttribute(attribute.replayEntries, entries);
        if (error !== undefined) fail(span, errorTypeOf(error), error);
        span.end();
      },
      undefined,
    );
  }
}

/** Opens a root span. Where it would not be kept, it is its ids alone. */
function openRoot(
  source: SpanSource,
  name: string,
  kind: SpanKind,
  statics: Attributes,
  attributes: Attributes,
  links: Link[],
): Span {
  const place = { parent: undefined, context: undefined, links };
  const declined = source.decline(place);
  if (declined !== undefined) return trace.wrapSpanContext(declined);
  return source.open({ ...place, name, kind, statics, attributes });
}

/** Walks the spans of a journey by parents and links, the only relations that a tracing backend has. */

import { idOf } from "./collector.ts";
import type { SpanRef, WireSpan } from "./otlp.ts";

export class Story {
  readonly #byId: ReadonlyMap<string, WireSpan>;

  constructor(spans: readonly WireSpan[]) {
    this.#byId = new Map(spans.map((span) => [idOf(span), span]));
  }

  /** Finds a span. @throws where the span did not arrive */
  at(ref: SpanRef): WireSpan {
    const span = this.#byId.get(idOf(ref));
    if (span === undefined) throw new Error(`no span ${idOf(ref)} has arrived`);
    return span;
  }

  parentOf(span: WireSpan): WireSpan | undefined {
    return span.parentSpanId === "" ? undefined : this.at({ traceId: span.traceId, spanId: span.parentSpanId });
  }

  linked(span: WireSpan): WireSpan[] {
    return span.links.map((link) => this.at(link));
  }

  /** Every span that is reached by following all parents and all links, the given one included. */
  reached(from: WireSpan): WireSpan[] {
    return this.#walk(from, (span) => [this.parentOf(span), ...this.linked(span)]);
  }

  /** As `reached`, but where a span says what it comes from by links, these are followed and not its parent. */
  derivedFrom(from: WireSpan): WireSpan[] {
    return this.#walk(from, (span) => (span.links.length > 0 ? this.linked(span) : [this.parentOf(span)]));
  }

  #walk(from: WireSpan, next: (span: WireSpan) => readonly (WireSpan | undefined)[]): WireSpan[] {
    const found = new Set<WireSpan>();
    const waiting = [from];
    for (let span = waiting.pop(); span !== undefined; span = waiting.pop()) {
      if (found.has(span)) continue;
      found.add(span);
      waiting.push(...next(span).filter((one) => one !== undefined));
    }
    return [...found];
  }
}

export function named(spans: readonly WireSpan[], name: string): WireSpan[] {
  return spans.filter((span) => span.name === name);
}

/** The values of an attribute that may be one or a list. */
export function values(span: WireSpan, attribute: string): readonly unknown[] {
  const value = span.attributes[attribute];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

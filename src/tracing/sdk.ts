/** What opens the backbone's spans: asked for with every event, so it must cost next to nothing, and notice one that comes later. */

import {
  type Attributes,
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanKind,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";

const scope = "throughline";

/** Where a new span would stand. */
export interface Place {
  /** The span that it continues; undefined: it begins a trace. */
  readonly parent: SpanContext | undefined;
  /** The context in which it is opened, where it is not just its parent's. */
  readonly context: Context | undefined;
  readonly links: Link[];
}

export interface Opening extends Place {
  readonly name: string;
  readonly kind: SpanKind;
  /** What all spans of a kind say: always the same object for the same attributes, so that it may be kept in an encoded form. */
  readonly statics: Attributes;
  /** What this one says beside and over them. */
  readonly attributes: Attributes;
}

/** What opens spans: the registered SDK's tracer, or what a process's set-up has provided in its stead. */
export interface SpanSource {
  /**
   * The context of a span at this place, if it would not be kept: then it need not be opened. Undefined: it would be, or it cannot be
   * told; then `open` is called for the same place before anything else is.
   */
  decline(place: Place): SpanContext | undefined;
  open(opening: Opening): Span;
}

/** Sources by the tracer provider in whose stead they open the backbone's spans. */
const provided = new WeakMap<TracerProvider, SpanSource>();

/** From now on the backbone's spans are opened by `source` wherever `provider` is registered. */
export function provideSpans(provider: TracerProvider, source: SpanSource): void {
  provided.set(provider, source);
  known = undefined;
}

let known: TracerProvider | undefined;
let source: SpanSource | undefined;

/** The source of spans that counts now; undefined where no SDK is registered. */
export function currentSource(): SpanSource | undefined {
  const provider = trace.getTracerProvider();
  // A provider is the API's own proxy; it gets its delegate once, and is replaced when tracing is disabled.
  if (provider === known && source !== undefined) return source;
  known = provider;
  source = sourceOf(provider);
  return source;
}

function sourceOf(provider: TracerProvider): SpanSource | undefined {
  const tracer = isProxy(provider) ? provider.getDelegateTracer(scope) : provider.getTracer(scope);
  if (tracer === undefined) return undefined;
  return provided.get(isProxy(provider) ? provider.getDelegate() : provider) ?? new TracerSource(tracer);
}

interface Proxy extends TracerProvider {
  /** Undefined before an SDK is registered. */
  getDelegateTracer(name: string): Tracer | undefined;
  getDelegate(): TracerProvider;
}

function isProxy(provider: TracerProvider): provider is Proxy {
  return "getDelegateTracer" in provider;
}

/** Any SDK's tracer. Whether it keeps a span only its sampler can tell, which wants to see all of it. */
class TracerSource implements SpanSource {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  decline(): undefined {
    return undefined;
  }

  open({ name, kind, statics, attributes, links, parent, context }: Opening): Span {
    const around = context ?? (parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent));
    return this.#tracer.startSpan(name, { kind, attributes: { ...statics, ...attributes }, links }, around);
  }
}

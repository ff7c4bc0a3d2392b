/**
 * Finds the source of the backbone's spans. Every event asks for it, so that it must cost next to nothing, and an SDK
 * may be registered late.
 */

import {
  type Attributes,
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanKind,
  type Tracer,
  type TracerOptions,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { withIds } from "./id-generator.ts";
import { schemaUrl, scopeName, scopeVersion } from "./scope.ts";
import type { SpanIdentity } from "./span-identity.ts";

/** The position of a new span in its trace. */
export interface Place {
  /** The span that the new one continues; undefined: it begins a trace. */
  readonly parent: SpanContext | undefined;
  /** The context in which the span is opened; undefined where it is just its parent's. */
  readonly context: Context | undefined;
  readonly links: Link[];
  /** Without it both ids are drawn. */
  readonly identity?: SpanIdentity;
}

export interface Opening extends Place {
  readonly name: string;
  readonly kind: SpanKind;
  /**
   * Attributes that all spans of a kind share. Equal ones are always the same object, so that their encoded form can be
   * kept.
   */
  readonly statics: Attributes;
  /** Attributes of this span, beside and over the static ones. */
  readonly attributes: Attributes;
}

/** A source of spans: the registered SDK's tracer, or a substitute that the process's set-up has provided. */
export interface SpanSource {
  /** True: nothing is kept that comes of unsampled events alone, so that nobody needs to ask. */
  readonly followsStories: boolean;
  /**
   * The context of a span that would not be kept, and so need not be opened. Undefined: it would be kept, or that
   * cannot be told; `open` is then the very next call, with the same place.
   */
  decline(place: Place): SpanContext | undefined;
  open(opening: Opening): Span;
}

/** Sources that open the backbone's spans in place of a tracer provider. */
const provided = new WeakMap<TracerProvider, SpanSource>();

/** Lets `source` open the backbone's spans from now on, wherever `provider` is registered. */
export function provideSpans(provider: TracerProvider, source: SpanSource): void {
  provided.set(provider, source);
  known = undefined;
}

let known: TracerProvider | undefined;
let source: SpanSource | undefined;

/** The present source of spans; undefined where no SDK is registered. */
export function currentSource(): SpanSource | undefined {
  const provider = trace.getTracerProvider();
  // The provider is the API's own proxy. It gets its delegate once, and is replaced when tracing is disabled.
  if (provider === known && source !== undefined) return source;
  known = provider;
  source = sourceOf(provider);
  return source;
}

function sourceOf(provider: TracerProvider): SpanSource | undefined {
  const tracer = isProxy(provider)
    ? provider.getDelegateTracer(scopeName, scopeVersion, { schemaUrl })
    : provider.getTracer(scopeName, scopeVersion, { schemaUrl });
  if (tracer === undefined) return undefined;
  return provided.get(isProxy(provider) ? provider.getDelegate() : provider) ?? new TracerSource(tracer);
}

interface Proxy extends TracerProvider {
  /** The SDK's tracer; undefined before an SDK is registered. */
  getDelegateTracer(name: string, version: string, options: TracerOptions): Tracer | undefined;
  getDelegate(): TracerProvider;
}

function isProxy(provider: TracerProvider): provider is Proxy {
  return "getDelegateTracer" in provider;
}

/**
 * The source for any SDK's tracer. Only its sampler can tell whether a span is kept, and it wants to see all of the
 * span.
 */
class TracerSource implements SpanSource {
  readonly followsStories = false;
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  decline(): undefined {
    return undefined;
  }

  open({ name, kind, statics, attributes, links, parent, context, identity }: Opening): Span {
    const around = context ?? (parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent));
    const start = (): Span =>
      this.#tracer.startSpan(name, { kind, attributes: { ...statics, ...attributes }, links }, around);
    return identity === undefined ? start() : withIds(identity, trace.getSpanContext(around), start);
  }
}

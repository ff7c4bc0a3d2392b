/** Suppression of spans by context, as the SDK understands it. */

import { type Context, createContextKey, isSpanContextValid, ROOT_CONTEXT, trace } from "@opentelemetry/api";

/**
 * The key that suppresses spans: shared with the SDK by its description.
 * @see @opentelemetry/core, trace/suppress-tracing
 */
const suppressed = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** A root context in which no spans are made and none is active. */
export const suppressedRoot: Context = ROOT_CONTEXT.setValue(suppressed, true);

/** The same context with spans suppressed. Nothing is injected from it either: inject first. */
export function suppress(context: Context): Context {
  return context === ROOT_CONTEXT ? suppressedRoot : context.setValue(suppressed, true);
}

export function unsuppress(context: Context): Context {
  return context.getValue(suppressed) === undefined ? context : context.deleteValue(suppressed);
}

/** True when a span that is started in the context would be part of a trace. */
export function isTraced(context: Context): boolean {
  const spanContext = trace.getSpanContext(context);
  return spanContext !== undefined && isSpanContextValid(spanContext);
}

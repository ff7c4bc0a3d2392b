/** Whether an SDK is registered: asked with every event, so it must cost next to nothing, and notice one that comes later. */

import { type Tracer, type TracerProvider, trace } from "@opentelemetry/api";

const scope = "throughline";

let known: TracerProvider | undefined;
let tracer: Tracer | undefined;

/** The registered SDK's tracer; undefined where there is none. */
export function currentTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  // A provider is the API's own proxy; it gets its delegate once, and is replaced when tracing is disabled.
  if (provider === known && tracer !== undefined) return tracer;
  known = provider;
  tracer = isProxy(provider) ? provider.getDelegateTracer(scope) : provider.getTracer(scope);
  return tracer;
}

interface Proxy extends TracerProvider {
  /** Undefined before an SDK is registered. */
  getDelegateTracer(name: string): Tracer | undefined;
}

function isProxy(provider: TracerProvider): provider is Proxy {
  return "getDelegateTracer" in provider;
}

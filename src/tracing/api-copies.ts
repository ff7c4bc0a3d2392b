/** Notices a second copy of @opentelemetry/api in the process, to whose SDK the backbone's spans are lost. */

import { trace } from "@opentelemetry/api";

interface Registered {
  readonly version: string;
  readonly trace?: unknown;
}

/** The key of the global registry that all copies of the API's version 1 share. */
const registry = Symbol.for("opentelemetry.js.api.1");

/**
 * Describes an SDK that is registered with a copy of the API which the backbone's own copy ignores, because the
 * backbone's is newer. The API itself reports nothing then. Undefined where there is none.
 */
export function foreignApi(): string | undefined {
  const registered = (globalThis as { readonly [registry]?: Registered })[registry];
  if (registered?.trace === undefined || trace.getTracerProvider() === registered.trace) return undefined;
  return (
    `there are two copies of @opentelemetry/api: this process's SDK is registered with version ${registered.version}, and Throughline has a newer one, so that its ` +
    "spans are lost; `npm ls @opentelemetry/api` shows both, and `npm dedupe`, or installing one version that both accept, mends it"
  );
}

/** The keys under which OpenTelemetry's API keeps a context's span and baggage, and our own. */

import { createContextKey } from "@opentelemetry/api";

/** Keys are shared by their descriptions. @see @opentelemetry/api, trace/context-utils and baggage/context-helpers */
export const spanKey: symbol = createContextKey("OpenTelemetry Context Key SPAN");
export const baggageKey: symbol = createContextKey("OpenTelemetry Baggage Key");
/** Tells from a context whose handler runs in it. */
export const ownerKey: symbol = createContextKey("throughline process span");

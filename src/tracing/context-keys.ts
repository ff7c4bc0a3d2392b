/** The keys of a context's span and baggage in OpenTelemetry's API, and a key of our own. */

import { createContextKey } from "@opentelemetry/api";

/**
 * OpenTelemetry's keys are shared by their descriptions.
 * @see @opentelemetry/api, trace/context-utils and baggage/context-helpers
 */
export const spanKey: symbol = createContextKey("OpenTelemetry Context Key SPAN");
export const baggageKey: symbol = createContextKey("OpenTelemetry Baggage Key");
/** Our own key: holds the process span whose handler runs in a context. */
export const ownerKey: symbol = createContextKey("throughline process span");

/** An SDK's generator of ids that gives the backbone's spans the ids that derive from the log, and any other span drawn ones. */

import { isSpanContextValid, type SpanContext } from "@opentelemetry/api";
import { randomHex } from "../model/random-hex.ts";
import type { SpanIdentity } from "./span-identity.ts";

/** OpenTelemetry's `IdGenerator`, which has no name in its API. */
export interface IdGenerator {
  generateTraceId(): string;
  generateSpanId(): string;
}

/** The ids of the span that is being started; "" where they are to be drawn. */
let traceId = "";
let spanId = "";

/**
 * To be given to an SDK of your own as its `idGenerator`: then `throughline spans rebuild` gives the same spans as your SDK has exported.
 * `startTelemetry` uses it.
 */
export const derivedIds: IdGenerator = Object.freeze({
  generateTraceId: () => traceId || randomHex(16),
  generateSpanId: () => spanId || randomHex(8),
});

/** Starts a span whose ids are asked for before `start` returns. A generator of another kind draws them. */
export function withIds<T>(identity: SpanIdentity, parent: SpanContext | undefined, start: () => T): T {
  const isChild = parent !== undefined && isSpanContextValid(parent);
  const own = isChild ? parent.traceId : (identity.traceId?.() ?? randomHex(16));
  traceId = own;
  spanId = identity.spanId(own, isChild ? parent.spanId : "");
  try {
    return start();
  } finally {
    traceId = "";
    spanId = "";
  }
}

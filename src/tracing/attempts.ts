/** Remembers the spans of attempts that will be repeated, so that the next attempt can link to the one before it. */

import type { SpanContext } from "@opentelemetry/api";
import type { Outcome, Processing } from "../ports/tracing.ts";
import { spanContextOf } from "./trace-context.ts";

/** Most deliveries remembered. Beyond it the oldest are forgotten, and their next attempt has one link less. */
const maxRemembered = 1_000;

export class EarlierAttempts {
  readonly #byDelivery = new Map<string, SpanContext>();

  /** Forgets finished deliveries, and remembers those that will be tried again. */
  note(processing: Processing, span: SpanContext, outcome: Outcome): void {
    const again = outcome === "retried" || outcome === "conflict" || outcome === "owner_lost";
    if (!again && this.#byDelivery.size === 0) return;
    for (const { entryId } of processing.entries) {
      const key = keyOf(processing, entryId);
      this.#byDelivery.delete(key);
      if (again) this.#byDelivery.set(key, span);
    }
    for (const oldest of this.#byDelivery.keys()) {
      if (this.#byDelivery.size <= maxRemembered) break;
      this.#byDelivery.delete(oldest);
    }
  }

  /** The spans of earlier attempts, as far as this process knows them: its own, and what the timers of others say. */
  of(processing: Processing): readonly SpanContext[] {
    const found: SpanContext[] = [];
    for (const { entryId, triedBy } of processing.entries) {
      const span = this.#byDelivery.size > 0 ? this.#byDelivery.get(keyOf(processing, entryId)) : undefined;
      if (span !== undefined) found.push(span);
      const told = triedBy ? spanContextOf(triedBy) : undefined;
      if (told !== undefined) found.push(told);
    }
    return found;
  }
}

function keyOf({ component, channel, partition }: Processing, entryId: string): string {
  return `${component} ${channel.name} ${partition} ${entryId}`;
}

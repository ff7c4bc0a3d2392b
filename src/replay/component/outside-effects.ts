/** Wraps a subscription's handler so that the ids of its outside effects are reported. */

import type { BatchTools, PublishOutput, StateStore, Subscription, Tools } from "../../consume/subscription.ts";
import type { Event, EventRef } from "../../model/event.ts";

/** Wraps a subscription. `note` is called with each effect id that the handler reads. Retries run without delay: a record has no time to wait. */
export function withEffectsReported(subscription: Subscription, note: (effectId: string) => void): Subscription {
  const { handling } = subscription;
  const retry = { ...subscription.retry, backoffMs: 0, maxBackoffMs: 0 };
  if (handling.mode === "single") {
    return {
      ...subscription,
      retry,
      handling: { mode: "single", handle: (event, tools) => handling.handle(event, new ReportingTools(tools, note)) },
    };
  }
  const reporting = (tools: BatchTools): BatchTools => ({
    ...tools,
    effectIdOf: (event: EventRef) => {
      const effectId = tools.effectIdOf(event);
      note(effectId);
      return effectId;
    },
  });
  return {
    ...subscription,
    retry,
    handling: {
      ...handling,
      handle: (events: readonly Event<unknown>[], tools: BatchTools) => handling.handle(events, reporting(tools)),
    },
  };
}

class ReportingTools implements Tools {
  readonly publish: PublishOutput;
  readonly state: <V>(store: string) => StateStore<V>;
  readonly signal: AbortSignal;
  readonly attempt: number;
  readonly fence: Tools["fence"];
  readonly partition: number;
  readonly #tools: Tools;
  readonly #note: (effectId: string) => void;

  constructor(tools: Tools, note: (effectId: string) => void) {
    this.publish = tools.publish;
    this.state = tools.state;
    this.signal = tools.signal;
    this.attempt = tools.attempt;
    this.fence = tools.fence;
    this.partition = tools.partition;
    this.#tools = tools;
    this.#note = note;
  }

  get baggage(): Readonly<Record<string, string>> {
    return this.#tools.baggage;
  }

  get effectId(): string {
    const { effectId } = this.#tools;
    this.#note(effectId);
    return effectId;
  }
}

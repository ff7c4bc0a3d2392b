/** The tools of a handler of one event, each made when somebody asks for it. */

import type { Fence } from "../ownership/fence.ts";
import type { ProcessSpan } from "../ports/tracing.ts";
import type { PublishOutput, StateStore, Tools } from "./subscription.ts";
import type { Collector } from "./tools.ts";

/** What collects for a handler, once it is asked to. */
interface Collecting {
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly fence: Fence;
  readonly partition: number;
  readonly collector: Pick<Collector, "publish" | "state" | "effectId">;
  readonly span: Pick<ProcessSpan, "baggageOf">;
  readonly entries: readonly { readonly eventId: string }[];
}

/** What the handler of one event gets. What collects is made, and the effect id's digest taken, when somebody asks for it. */
export class SingleTools implements Tools {
  readonly #collecting: Collecting;

  constructor(collecting: Collecting) {
    this.#collecting = collecting;
  }

  get signal(): AbortSignal {
    return this.#collecting.signal;
  }

  get attempt(): number {
    return this.#collecting.attempt;
  }

  get fence(): Fence {
    return this.#collecting.fence;
  }

  get partition(): number {
    return this.#collecting.partition;
  }

  get publish(): PublishOutput {
    return this.#collecting.collector.publish;
  }

  get state(): <V>(store: string) => StateStore<V> {
    return this.#collecting.collector.state;
  }

  get effectId(): string {
    return this.#collecting.collector.effectId;
  }

  get baggage(): Readonly<Record<string, string>> {
    const { span, entries } = this.#collecting;
    return Object.fromEntries(span.baggageOf(entries[0]?.eventId ?? ""));
  }
}

/** Encodes ended spans and gathers them, until there are enough for an export or they have waited long enough. */

import type { Log } from "../../ports/log.ts";
import type { EncodedSpans } from "../otlp/encoded-spans.ts";
import type { OnDropped, RetryingSender } from "../otlp/retrying-sender.ts";
import { SpanEncoder } from "../otlp/span-encoder.ts";
import type { EndedSpan } from "./ended-span.ts";

export interface SpanBatchesOptions {
  /** Makes the sender of the batches; it must call the given `onFree`. */
  readonly sender: (onFree: (batch: EncodedSpans) => void) => RetryingSender<EncodedSpans>;
  readonly log: Log;
  /** Called with the spans that cannot be encoded. */
  readonly onDropped: OnDropped;
  /** Most spans of a batch. */
  readonly maxSize: number;
  /** Longest time that a span waits for others, ms. */
  readonly maxWaitMs: number;
}

/** Size at which a batch is full as well, bytes: a Collector's default takes 4 MiB at once. */
const maxBytes = 2_097_152;

/** Gathers spans until `shutdown`; a span that ends later is dropped. */
export class SpanBatches {
  readonly #options: SpanBatchesOptions;
  readonly #encoder = new SpanEncoder();
  readonly #sender: RetryingSender<EncodedSpans>;
  /** Set while spans wait. */
  #timer: NodeJS.Timeout | undefined;
  #open = true;
  #broken = false;

  constructor(options: SpanBatchesOptions) {
    this.#options = options;
    this.#sender = options.sender((batch) => this.#encoder.reuse(batch));
  }

  /** Adds a span. Never throws. */
  add(span: EndedSpan): void {
    if (!this.#open) {
      this.#options.onDropped(1, 0);
      return;
    }
    const encoder = this.#encoder;
    try {
      encoder.add(span);
    } catch (error) {
      this.#options.onDropped(1, 0);
      if (!this.#broken)
        this.#options.log.warn({ err: error }, "a span cannot be encoded; later ones are only counted");
      this.#broken = true;
      return;
    }
    if (encoder.count >= this.#options.maxSize || encoder.size >= maxBytes) this.#send();
    else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#send(), this.#options.maxWaitMs);
      this.#timer.unref();
    }
  }

  /** Resolves when all spans that have ended by now are delivered or dropped. */
  flush(): Promise<void> {
    this.#send();
    return this.#sender.flush();
  }

  /** Delivers as many spans as it can until the deadline. Never rejects. */
  shutdown(): Promise<void> {
    this.#send();
    this.#open = false;
    return this.#sender.shutdown();
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#encoder.count > 0) this.#sender.take(this.#encoder.take());
  }
}

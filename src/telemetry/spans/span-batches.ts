/** Gathers ended spans, encoded, until there are enough for an export or they have waited long enough. */

import type { Log } from "../../ports/log.ts";
import type { EncodedSpans } from "../otlp/encoded-spans.ts";
import type { RetryingSender } from "../otlp/retrying-sender.ts";
import { SpanEncoder } from "../otlp/span-encoder.ts";
import type { EndedSpan } from "./ended-span.ts";

export interface SpanBatchesOptions {
  /** Where they go; its `onFree` is the given one. */
  readonly sender: (onFree: (batch: EncodedSpans) => void) => RetryingSender<EncodedSpans>;
  readonly log: Log;
  /** Told about spans that cannot be encoded. */
  readonly onDropped: (spans: number) => void;
  /** Spans of a batch. */
  readonly maxSize: number;
  /** How long a span waits for others. */
  readonly maxWaitMs: number;
}

/** A batch is full when it has grown to this, too: a Collector takes 4 MiB at once, unless told otherwise. */
const maxBytes = 2_097_152;

/** `add` until `shutdown`; what ends later is nobody's. */
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

  /** Never throws. */
  add(span: EndedSpan): void {
    if (!this.#open) return;
    const encoder = this.#encoder;
    try {
      encoder.add(span);
    } catch (error) {
      this.#options.onDropped(1);
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

  /** Resolves when all that has ended by now was delivered or dropped. */
  flush(): Promise<void> {
    this.#send();
    return this.#sender.flush();
  }

  /** Delivers what it can until the deadline. Never rejects. */
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

/** Sends the SDK's spans through a retrying sender, as an exporter of the SDK. */

import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { sizeOf } from "../spans/span-size.ts";
import { type Batch, RetryingSender, type SenderOptions } from "./retrying-sender.ts";

export interface RetryingExporterOptions extends Omit<SenderOptions<SpanBatch>, "create" | "halve"> {
  /** Makes an exporter of the SDK; its arguments are those in `SenderOptions`. */
  readonly create: (generation: number, timeoutMs: number | undefined) => SpanExporter;
}

interface SpanBatch extends Batch {
  readonly spans: readonly ReadableSpan[];
}

export class RetryingExporter implements SpanExporter {
  readonly #sender: RetryingSender<SpanBatch>;

  constructor({ create, ...options }: RetryingExporterOptions) {
    this.#sender = new RetryingSender<SpanBatch>({
      ...options,
      create: (generation, timeoutMs) => {
        const inner = create(generation, timeoutMs);
        return {
          export: ({ spans }, done) => inner.export([...spans], done),
          shutdown: () => inner.shutdown(),
        };
      },
      halve: ({ spans }) => {
        const half = Math.ceil(spans.length / 2);
        return [batchOf(spans.slice(0, half)), batchOf(spans.slice(half))];
      },
    });
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    const taken = this.#sender.take(batchOf(spans));
    done(
      taken
        ? { code: ExportResultCode.SUCCESS }
        : { code: ExportResultCode.FAILED, error: new Error("the exporter is shut down") },
    );
  }

  /** Resolves when all held spans are delivered or dropped. */
  forceFlush(): Promise<void> {
    return this.#sender.flush();
  }

  /** Delivers as many spans as it can until the deadline. Never rejects. */
  shutdown(): Promise<void> {
    return this.#sender.shutdown();
  }
}

function batchOf(spans: readonly ReadableSpan[]): SpanBatch {
  return { spans, count: spans.length, size: spans.reduce((sum, span) => sum + sizeOf(span), 0) };
}

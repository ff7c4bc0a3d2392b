/** Sends spans that were made again over OTLP/gRPC, each in the name of the service that it is of, and no faster than the Collector takes them. */

import { resourceFromAttributes } from "@opentelemetry/resources";
import { StoreError } from "../../model/errors.ts";
import { endsWithin } from "../../model/waits.ts";
import type { Log } from "../../ports/log.ts";
import { schemaUrl, scopeName, scopeVersion } from "../../tracing/scope.ts";
import { createEncodedExporter } from "../otlp/encoded-exporter.ts";
import { halve } from "../otlp/encoded-spans.ts";
import { RequestFrame } from "../otlp/request-frame.ts";
import { type OnDropped, RetryingSender } from "../otlp/retrying-sender.ts";
import { timeoutOf } from "../setup/export-settings.ts";
import type { EndedSpan } from "../spans/ended-span.ts";
import { SpanBatches } from "../spans/span-batches.ts";

const maxBatch = 512;
const maxWaitMs = 1_000;
/** Most bytes that wait for the Collector; what is made is waited for before, so that this is never reached. */
const maxHeldBytes = 268_435_456;

/** How often a wait for the Collector looks at the time; and how long it lasts once the command is to end, ms. */
const lookMs = 500;
const lastPatienceMs = 5_000;

export interface ServiceExportersOptions {
  readonly log: Log;
  /** Longest wait for a Collector that takes nothing, ms. */
  readonly patienceMs: number;
  /** Once it aborts, nothing is waited for much longer. */
  readonly signal: AbortSignal;
}

/** An exporter for each service. */
export class ServiceExporters {
  readonly #options: ServiceExportersOptions;
  readonly #services = new Map<string, SpanBatches>();
  #underway: Promise<unknown> = Promise.resolve();
  dropped = 0;

  constructor(options: ServiceExportersOptions) {
    this.#options = options;
  }

  add(service: string, span: EndedSpan): void {
    let batches = this.#services.get(service);
    if (batches === undefined) {
      batches = this.#open(service);
      this.#services.set(service, batches);
    }
    batches.add(span);
  }

  /**
   * Resolves when the Collector has what was there at the call before: it takes that while more is made.
   * @throws {StoreError} when it does not take them for long, or refuses some
   */
  async keepUp(): Promise<void> {
    const before = this.#underway;
    this.#underway = this.#flush();
    await this.#untilDone(before);
  }

  /** Resolves when the Collector has all of them. @throws {StoreError} when it does not take them for long, or refuses some */
  async delivered(): Promise<void> {
    await this.#untilDone(this.#flush());
  }

  #flush(): Promise<unknown> {
    return Promise.all([...this.#services.values()].map((batches) => batches.flush()));
  }

  async #untilDone(done: Promise<unknown>): Promise<void> {
    const { patienceMs, signal } = this.#options;
    const begunAt = performance.now();
    let abortedAt: number | undefined;
    while (!(await endsWithin(lookMs, done))) {
      const now = performance.now();
      if (signal.aborted) abortedAt ??= now;
      const waitedMs = Math.round(now - begunAt);
      if (waitedMs < patienceMs && (abortedAt === undefined || now - abortedAt < lastPatienceMs)) continue;
      throw new StoreError(
        `the Collector has taken no spans for ${Math.round(waitedMs / 1_000)} s: run this again once it is there`,
      );
    }
    if (this.dropped > 0) throw new StoreError(`the Collector refuses spans: ${this.dropped} so far`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#services.values()].map((batches) => batches.shutdown()));
  }

  #open(service: string): SpanBatches {
    const { log } = this.#options;
    const onDropped: OnDropped = (spans): void => {
      this.dropped += spans;
    };
    const resource = resourceFromAttributes({ "service.name": service, "throughline.rebuilt": true }, { schemaUrl });
    const frame = new RequestFrame(resource, { name: scopeName, version: scopeVersion, schemaUrl });
    const place = this.#services.size;
    return new SpanBatches({
      sender: (onFree) =>
        new RetryingSender({
          // A name for each: with the same one they would share their back-offs.
          create: (generation, timeoutMs) =>
            createEncodedExporter(frame, {
              userAgent: `throughline-rebuild-${place}/${generation}`,
              ...timeoutOf("TRACES", timeoutMs, 10_000),
            }),
          halve,
          onFree,
          onDropped,
          log,
          shutdownTimeoutMs: 1_000,
          maxHeldBytes,
        }),
      log,
      onDropped,
      maxSize: maxBatch,
      maxWaitMs,
    });
  }
}

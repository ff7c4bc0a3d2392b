/**
 * An exporter that outlives its Collector's absence: the OTLP/gRPC exporter sends each batch once, and what fails is lost.
 *
 * `flowing`: up to `maxInFlight` batches are on their way. A failure that may pass enters `waiting`.
 * `waiting`: nothing is sent until the delay is over; then one batch is tried. Its success enters `flowing`, its failure
 * doubles the delay.
 * `closed`: nothing is taken or sent any more; what was held is counted as dropped.
 *
 * In the first two, spans are taken over at once and held up to a bound; beyond it the oldest are dropped. `shutdown` keeps
 * sending until all is delivered or its deadline has come.
 */

import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, suppressTracing } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Log } from "../ports.ts";
import { sizeOf } from "./span-size.ts";

export interface RetryingExporterOptions {
  /**
   * A new exporter on a new connection. `generation` counts from 0: gRPC keeps the back-off of a lost connection, up to two
   * minutes, per set of channel options, so that each has to differ. `timeoutMs` bounds an export; undefined: as configured.
   */
  readonly create: (generation: number, timeoutMs: number | undefined) => SpanExporter;
  readonly log: Log;
  /** Told about every loss. */
  readonly onDropped: (spans: number) => void;
  readonly shutdownTimeoutMs: number;
  readonly maxHeldSpans?: number;
  readonly maxHeldBytes?: number;
  readonly firstDelayMs?: number;
  readonly maxDelayMs?: number;
}

interface Batch {
  readonly spans: readonly ReadableSpan[];
  readonly bytes: number;
}

const maxInFlight = 4;

/** gRPC status codes after which the same batch may succeed. @see https://opentelemetry.io/docs/specs/otlp/#failures */
const passing: ReadonlySet<number> = new Set([1, 4, 8, 10, 11, 14, 15]);
const resourceExhausted = 8;

export class RetryingExporter implements SpanExporter {
  readonly #options: Required<RetryingExporterOptions>;
  #state: "flowing" | "waiting" | "closed" = "flowing";
  #inner: SpanExporter;
  #generation = 0;
  #held: Batch[] = [];
  #heldSpans = 0;
  #heldBytes = 0;
  #inFlight = 0;
  #dropped = 0;
  #delayMs: number;
  #timer: NodeJS.Timeout | undefined;
  #closeBy: number | undefined;
  #idle: (() => void)[] = [];
  #shutdown: Promise<void> | undefined;

  constructor(options: RetryingExporterOptions) {
    this.#options = {
      maxHeldSpans: 15_360,
      maxHeldBytes: 33_554_432,
      firstDelayMs: 250,
      maxDelayMs: 5_000,
      ...options,
    };
    this.#delayMs = this.#options.firstDelayMs;
    this.#inner = options.create(0, undefined);
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    if (this.#state === "closed") {
      this.#drop(spans.length, "the exporter is shut down");
      done({ code: ExportResultCode.FAILED, error: new Error("the exporter is shut down") });
      return;
    }
    const bytes = spans.reduce((sum, span) => sum + sizeOf(span), 0);
    this.#hold({ spans, bytes });
    this.#send();
    done({ code: ExportResultCode.SUCCESS });
  }

  /** Resolves when all that is held was delivered or dropped. */
  forceFlush(): Promise<void> {
    if (this.#heldSpans === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Delivers what it can until the deadline. Never rejects. */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#close();
    return this.#shutdown;
  }

  async #close(): Promise<void> {
    const { shutdownTimeoutMs } = this.#options;
    this.#closeBy = Date.now() + shutdownTimeoutMs;
    this.#delayMs = this.#options.firstDelayMs;
    // What is hanging now would hang beyond the deadline: a fresh exporter has the remaining time and no more.
    if (this.#heldSpans > 0) this.#renew();
    this.#endWait();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, shutdownTimeoutMs);
    await Promise.race([this.forceFlush(), promise]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#state = "closed";
    if (this.#heldSpans > 0) this.#drop(this.#heldSpans, "the Collector did not take them before the shutdown");
    this.#held = [];
    this.#discard(this.#inner);
  }

  #hold(batch: Batch): void {
    this.#held.push(batch);
    this.#heldSpans += batch.spans.length;
    this.#heldBytes += batch.bytes;
    const { maxHeldSpans, maxHeldBytes } = this.#options;
    while (this.#heldSpans > maxHeldSpans || this.#heldBytes > maxHeldBytes) {
      const oldest = this.#held.shift();
      if (oldest === undefined) return; // the rest is in flight
      this.#release(oldest);
      this.#drop(oldest.spans.length, "the Collector is away and no more spans can be held");
    }
  }

  #release(batch: Batch): void {
    this.#heldSpans -= batch.spans.length;
    this.#heldBytes -= batch.bytes;
    if (this.#heldSpans > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #send(): void {
    const limit = this.#generation > 0 && this.#delayMs > this.#options.firstDelayMs ? 1 : maxInFlight;
    while (this.#state === "flowing" && this.#inFlight < limit) {
      const batch = this.#held.shift();
      if (batch === undefined) return;
      this.#inFlight += 1;
      this.#attempt(batch);
    }
  }

  #attempt(batch: Batch): void {
    const inner = this.#inner;
    let answered = false;
    const answer = (result: ExportResult): void => {
      if (answered) return;
      answered = true;
      this.#inFlight -= 1;
      if (this.#state !== "closed") this.#answered(batch, result, inner);
    };
    try {
      // Its own gRPC calls must not become spans, whoever instruments gRPC.
      context.with(suppressTracing(ROOT_CONTEXT), () => inner.export([...batch.spans], answer));
    } catch (thrown) {
      answer({ code: ExportResultCode.FAILED, error: thrown instanceof Error ? thrown : new Error(String(thrown)) });
    }
  }

  #answered(batch: Batch, { code, error }: ExportResult, inner: SpanExporter): void {
    if (code === ExportResultCode.SUCCESS) {
      this.#delayMs = this.#options.firstDelayMs;
      this.#release(batch);
    } else if (!mayPass(error)) {
      this.#release(batch);
      this.#drop(batch.spans.length, `the Collector refuses them: ${error?.message}`);
    } else {
      this.#putBack(batch, error);
      // Of several batches that fail together the first renews the connection.
      if (inner === this.#inner) this.#wait(error);
    }
    this.#send();
  }

  /** A batch that is too large for the Collector would fail for ever: it is halved until it is small enough. */
  #putBack(batch: Batch, error: Error | undefined): void {
    const half = Math.ceil(batch.spans.length / 2);
    if (codeOf(error) !== resourceExhausted || batch.spans.length === 1) {
      this.#held.unshift(batch);
      return;
    }
    const bytes = batch.bytes / 2;
    this.#held.unshift({ spans: batch.spans.slice(0, half), bytes }, { spans: batch.spans.slice(half), bytes });
  }

  #wait(error: Error | undefined): void {
    if (this.#delayMs === this.#options.firstDelayMs) {
      this.#options.log.debug({ err: error }, "the Collector does not take spans; they are held and sent again");
    }
    this.#renew();
    this.#state = "waiting";
    this.#timer = setTimeout(() => this.#endWait(), this.#delayMs * (0.75 + Math.random() / 2));
    this.#timer.unref();
    this.#delayMs = Math.min(this.#delayMs * 2, this.#options.maxDelayMs);
  }

  #endWait(): void {
    clearTimeout(this.#timer);
    if (this.#state === "waiting") this.#state = "flowing";
    this.#send();
  }

  #renew(): void {
    const remainingMs = this.#closeBy === undefined ? undefined : Math.max(1, this.#closeBy - Date.now());
    this.#discard(this.#inner);
    this.#generation += 1;
    this.#inner = this.#options.create(this.#generation, remainingMs);
  }

  #discard(inner: SpanExporter): void {
    inner
      .shutdown()
      .catch((error: unknown) => this.#options.log.debug({ err: error }, "an exporter did not close cleanly"));
  }

  #drop(spans: number, why: string): void {
    this.#options.onDropped(spans);
    this.#dropped += spans;
    const first = this.#dropped === spans;
    if (first) this.#options.log.warn({ spans }, `spans are dropped: ${why}; later drops are only counted`);
  }
}

function codeOf(error: Error | undefined): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

/** Errors without a gRPC status are ours or the connection's. */
function mayPass(error: Error | undefined): boolean {
  const code = codeOf(error);
  return typeof code !== "number" || passing.has(code);
}

/**
 * A sender that outlives the Collector's absence. The OTLP/gRPC exporter sends each batch once, and would lose it on a
 * failure.
 *
 * `flowing`: up to `maxInFlight` batches are on their way. A failure that may pass enters `waiting`.
 * `waiting`: nothing is sent until the delay is over; then one batch is tried. Its success enters `flowing`, its
 * failure doubles the delay.
 * `closed`: nothing is taken or sent any more; held spans are counted as dropped.
 *
 * In the first two, spans are taken over at once and held up to a bound; beyond it the oldest are dropped, but for
 * those whose answer was lost, as when the Collector dies: it may have them, and only another attempt can tell. There
 * are no more of these than are on their way at once. `shutdown` keeps sending until all spans are delivered or its
 * deadline has come.
 */

import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, suppressTracing } from "@opentelemetry/core";
import { endsWithin } from "../../model/waits.ts";
import type { Log } from "../../ports/log.ts";
import { codeOf, isAnswered, mayPass, resourceExhausted } from "./export-failure.ts";

/** Spans in the form in which an exporter takes them. */
export interface Batch {
  readonly count: number;
  /** The memory that the batch takes, bytes, estimated. */
  readonly size: number;
}

export interface Exporter<B> {
  /** Sends a batch, and calls `done` once. */
  export(batch: B, done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
}

/** Takes the number of spans of a loss, and how many of them a Collector may have all the same, as it was sent them and its answer was lost. */
export type OnDropped = (spans: number, unanswered: number) => void;

export interface SenderOptions<B extends Batch> {
  /**
   * Makes a new exporter on a new connection. `generation` counts from 0: gRPC keeps the back-off of a lost connection,
   * up to two minutes, for each set of channel options, so that these have to differ. `timeoutMs` bounds an export;
   * undefined: as configured.
   */
  readonly create: (generation: number, timeoutMs: number | undefined) => Exporter<B>;
  /** Divides a batch of two or more spans. */
  readonly halve: (batch: B) => readonly [B, B];
  /**
   * Called with each batch that was delivered at the first attempt: nobody reads it any more. After a failed attempt
   * somebody may.
   */
  readonly onFree?: (batch: B) => void;
  readonly log: Log;
  /** Called with every loss. */
  readonly onDropped: OnDropped;
  readonly shutdownTimeoutMs: number;
  readonly maxHeldSpans?: number;
  readonly maxHeldBytes?: number;
  readonly firstDelayMs?: number;
  readonly maxDelayMs?: number;
}

interface Held<B> {
  readonly batch: B;
  /** The number of flushes that were called before this batch came: they do not wait for it. */
  readonly after: number;
  /** True once an attempt has failed. */
  readonly hasFailed: boolean;
  /** True once an attempt was sent and not answered. */
  readonly isUnanswered: boolean;
}

/** A flush under way: it waits for all batches that were held when it was called. */
interface Flush {
  open: number;
  readonly resolve: () => void;
}

const maxInFlight = 8;

export class RetryingSender<B extends Batch> {
  readonly #options: Required<SenderOptions<B>>;
  #state: "flowing" | "waiting" | "closed" = "flowing";
  #inner: Exporter<B>;
  #generation = 0;
  #held: Held<B>[] = [];
  #heldSpans = 0;
  #heldBytes = 0;
  readonly #inFlight = new Set<Held<B>>();
  #dropped = 0;
  #delayMs: number;
  #timer: NodeJS.Timeout | undefined;
  #closeBy: number | undefined;
  #flushes: Flush[] = [];
  /** The number of flushes that are over. */
  #flushed = 0;
  #shutdown: Promise<void> | undefined;

  constructor(options: SenderOptions<B>) {
    this.#options = {
      maxHeldSpans: Number.POSITIVE_INFINITY,
      maxHeldBytes: 67_108_864,
      firstDelayMs: 250,
      maxDelayMs: 5_000,
      onFree: () => undefined,
      ...options,
    };
    this.#delayMs = this.#options.firstDelayMs;
    this.#inner = options.create(0, undefined);
  }

  /** Takes a batch over at once. False: the sender is shut down, and the batch is counted as dropped. */
  take(batch: B): boolean {
    if (this.#state === "closed") {
      this.#drop(batch.count, 0, "the exporter is shut down");
      return false;
    }
    this.#hold({ batch, after: this.#flushed + this.#flushes.length, hasFailed: false, isUnanswered: false });
    this.#send();
    return true;
  }

  /** Resolves when all batches held now are delivered or dropped. */
  flush(): Promise<void> {
    if (this.#heldSpans === 0) return Promise.resolve();
    return new Promise((resolve) => this.#flushes.push({ open: this.#heldSpans, resolve }));
  }

  /** Delivers as many batches as it can until the deadline. Never rejects. */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#close();
    return this.#shutdown;
  }

  async #close(): Promise<void> {
    const { shutdownTimeoutMs } = this.#options;
    this.#closeBy = Date.now() + shutdownTimeoutMs;
    this.#delayMs = this.#options.firstDelayMs;
    // A call that hangs now would hang beyond the deadline: a new exporter gets the remaining time only.
    if (this.#heldSpans > 0) this.#renew();
    this.#endWait();
    await endsWithin(shutdownTimeoutMs, this.flush());
    clearTimeout(this.#timer);
    this.#state = "closed";
    // Whoever shuts it down says so. What is on its way may arrive.
    if (this.#heldSpans > 0) this.#drop(this.#heldSpans, this.#unanswered(), undefined);
    this.#held = [];
    for (const { resolve: give } of this.#flushes) give();
    this.#discard(this.#inner);
  }

  #hold(held: Held<B>): void {
    this.#held.push(held);
    this.#heldSpans += held.batch.count;
    this.#heldBytes += held.batch.size;
    const { maxHeldSpans, maxHeldBytes } = this.#options;
    while (this.#heldSpans > maxHeldSpans || this.#heldBytes > maxHeldBytes) {
      const at = this.#held.findIndex(({ isUnanswered }) => !isUnanswered);
      const [oldest] = at < 0 ? [] : this.#held.splice(at, 1);
      if (oldest === undefined) return; // all others are in flight, or were
      this.#release(oldest);
      this.#drop(oldest.batch.count, 0, "the Collector is away and no more spans can be held");
    }
  }

  /** Spans that a Collector may have, although it has not said so. */
  #unanswered(): number {
    let spans = 0;
    for (const { batch } of this.#inFlight) spans += batch.count;
    for (const { batch, isUnanswered } of this.#held) if (isUnanswered) spans += batch.count;
    return spans;
  }

  #release({ batch, after }: Held<B>): void {
    this.#heldSpans -= batch.count;
    this.#heldBytes -= batch.size;
    for (const flush of this.#flushes.slice(Math.max(0, after - this.#flushed))) flush.open -= batch.count;
    // An earlier flush waits for nothing that a later one does not wait for.
    while (this.#flushes[0]?.open === 0) {
      this.#flushes.shift()?.resolve();
      this.#flushed += 1;
    }
  }

  #send(): void {
    const limit = this.#generation > 0 && this.#delayMs > this.#options.firstDelayMs ? 1 : maxInFlight;
    while (this.#state === "flowing" && this.#inFlight.size < limit) {
      const held = this.#held.shift();
      if (held === undefined) return;
      this.#inFlight.add(held);
      this.#attempt(held);
    }
  }

  #attempt(held: Held<B>): void {
    const inner = this.#inner;
    let answered = false;
    const answer = (result: ExportResult): void => {
      if (answered) return;
      answered = true;
      this.#inFlight.delete(held);
      if (this.#state !== "closed") this.#answered(held, result, inner);
    };
    try {
      // gRPC calls of this sender must not become spans, whoever instruments gRPC.
      context.with(suppressTracing(ROOT_CONTEXT), () => inner.export(held.batch, answer));
    } catch (thrown) {
      answer({ code: ExportResultCode.FAILED, error: thrown instanceof Error ? thrown : new Error(String(thrown)) });
    }
  }

  #answered(held: Held<B>, { code, error }: ExportResult, inner: Exporter<B>): void {
    if (code === ExportResultCode.SUCCESS) {
      this.#delayMs = this.#options.firstDelayMs;
      this.#release(held);
      if (!held.hasFailed) this.#options.onFree(held.batch);
    } else if (!mayPass(error)) {
      this.#release(held);
      this.#drop(
        held.batch.count,
        held.isUnanswered ? held.batch.count : 0,
        `the Collector refuses them: ${error?.message}`,
      );
    } else {
      this.#putBack(held, error);
      // When several batches fail together, the first renews the connection.
      if (inner === this.#inner) this.#wait(error);
    }
    this.#send();
  }

  /**
   * Puts a failed batch back. A batch that is too large for the Collector would always fail: it is halved until it is
   * small enough.
   */
  #putBack(held: Held<B>, error: Error | undefined): void {
    const failed = { after: held.after, hasFailed: true, isUnanswered: held.isUnanswered || !isAnswered(error) };
    if (codeOf(error) !== resourceExhausted || held.batch.count === 1) {
      this.#held.unshift({ ...failed, batch: held.batch });
      return;
    }
    const halves = this.#options.halve(held.batch).map((batch) => ({ ...failed, batch }));
    this.#heldBytes += halves.reduce((sum, { batch }) => sum + batch.size, -held.batch.size);
    this.#held.unshift(...halves);
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

  #discard(inner: Exporter<B>): void {
    inner
      .shutdown()
      .catch((error: unknown) => this.#options.log.debug({ err: error }, "an exporter did not close cleanly"));
  }

  #drop(spans: number, unanswered: number, why: string | undefined): void {
    this.#options.onDropped(spans, unanswered);
    this.#dropped += spans;
    const first = this.#dropped === spans;
    if (first && why !== undefined)
      this.#options.log.warn({ spans }, `spans are dropped: ${why}; later drops are only counted`);
  }
}

/** The batches that the exporter holds, sends again, and gives up. */

import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import * as assert from "uvu/assert";
import { RetryingExporter, type RetryingExporterOptions } from "../../src/telemetry/otlp/retrying-exporter.ts";
import { test } from "../support/test.ts";

const unavailable = 14;
const resourceExhausted = 8;

/** A Collector whose answers a test decides: a gRPC status, 0 for taken, undefined for none at all. */
class Script {
  answer: (spans: readonly ReadableSpan[]) => number | undefined = () => 0;
  /** What the failure of an attempt says beside its status. */
  details = "";
  readonly taken: ReadableSpan[] = [];
  readonly timeouts: (number | undefined)[] = [];
  readonly warnings: object[] = [];
  dropped = 0;
  /** Of those dropped. */
  unanswered = 0;
  readonly exporter: RetryingExporter;

  constructor(options: Partial<RetryingExporterOptions> = {}) {
    this.exporter = new RetryingExporter({
      create: (_generation, timeoutMs) => {
        this.timeouts.push(timeoutMs);
        return this.#inner();
      },
      log: { debug() {}, info() {}, warn: (fields) => void this.warnings.push(fields), error() {} },
      onDropped: (spans, unanswered) => {
        this.dropped += spans;
        this.unanswered += unanswered;
      },
      shutdownTimeoutMs: 200,
      firstDelayMs: 5,
      maxDelayMs: 20,
      ...options,
    });
  }

  export(count: number): void {
    this.exporter.export(
      Array.from(
        { length: count },
        () => ({ name: "s", links: [], events: [], attributes: {} }) as unknown as ReadableSpan,
      ),
      ({ code }: ExportResult) => assert.is(code, ExportResultCode.SUCCESS),
    );
  }

  #inner(): SpanExporter {
    return {
      export: (spans, done) => {
        const status = this.answer(spans);
        if (status === undefined) return;
        if (status === 0) this.taken.push(...spans);
        const { details } = this;
        const error =
          status === 0 ? undefined : Object.assign(new Error(`status ${status}`), { code: status, details });
        queueMicrotask(() =>
          done({ code: error ? ExportResultCode.FAILED : ExportResultCode.SUCCESS, ...(error && { error }) }),
        );
      },
      shutdown: async () => {},
    };
  }
}

test("a batch is sent until it is taken, and each retry has a connection of its own", async () => {
  const script = new Script();
  let failures = 3;
  script.answer = () => (failures-- > 0 ? unavailable : 0);
  script.export(10);
  await script.exporter.forceFlush();
  assert.equal([script.taken.length, script.dropped, script.timeouts.length], [10, 0, 4]);
});

test("beyond its bound the oldest spans go, and that is logged once", async () => {
  const script = new Script({ maxHeldSpans: 100 });
  script.answer = () => unavailable;
  for (let i = 0; i < 50; i++) script.export(10);
  assert.ok(script.dropped >= 360 && script.dropped <= 400, String(script.dropped));
  assert.is(script.warnings.length, 1);
  script.answer = () => 0;
  await script.exporter.forceFlush();
  assert.is(script.taken.length + script.dropped, 500);
});

test("the bound counts bytes too", () => {
  const script = new Script({ maxHeldBytes: 10_000 });
  script.answer = () => unavailable;
  for (let i = 0; i < 50; i++) script.export(1);
  assert.ok(script.dropped > 0);
});

test("a batch that is too large for the Collector arrives in halves", async () => {
  const script = new Script();
  script.answer = (spans) => (spans.length > 3 ? resourceExhausted : 0);
  script.export(16);
  await script.exporter.forceFlush();
  assert.equal([script.taken.length, script.dropped], [16, 0]);
});

test("an exporter that throws is retried like one that fails", async () => {
  const script = new Script();
  let thrown = false;
  script.answer = () => {
    if (thrown) return 0;
    thrown = true;
    throw new Error("broken exporter");
  };
  script.export(1);
  await script.exporter.forceFlush();
  assert.is(script.taken.length, 1);
});

test("shutdown gives a hanging Collector the rest of the deadline and no more", async () => {
  const script = new Script();
  script.answer = () => undefined;
  script.export(5);
  const startedAt = performance.now();
  await script.exporter.shutdown();
  assert.ok(performance.now() - startedAt < 5_000, "what hangs would hang for ever");
  assert.equal([script.dropped, script.warnings.length], [5, 0], "whoever shuts it down says so");
  assert.equal(script.timeouts.length, 2);
  assert.ok((script.timeouts[1] ?? 0) <= 200);
});

test("shutdown does not wait out a long delay", async () => {
  const script = new Script({ firstDelayMs: 60_000, maxDelayMs: 60_000, shutdownTimeoutMs: 5_000 });
  let failures = 1;
  script.answer = () => (failures-- > 0 ? unavailable : 0);
  script.export(5);
  await new Promise(setImmediate);
  await script.exporter.shutdown();
  assert.equal([script.taken.length, script.dropped], [5, 0]);
});

const notConnected = "No connection established. Last error: connect ECONNREFUSED";

test("what was taken and not answered is held until it is answered, and not counted as lost", async () => {
  const script = new Script({ maxHeldSpans: 100 });
  script.answer = (spans) => {
    script.taken.push(...spans);
    return unavailable;
  };
  script.details = "Connection dropped";
  for (let i = 0; i < 5; i++) script.export(10);
  await new Promise(setImmediate);
  script.answer = () => unavailable;
  script.details = notConnected;
  for (let i = 0; i < 50; i++) script.export(10);
  assert.ok(script.dropped > 300);
  script.answer = () => 0;
  await script.exporter.forceFlush();
  assert.equal([new Set(script.taken).size + script.dropped, script.unanswered], [550, 0]);
});

test("of what is given up in the end it is said how much was never answered", async () => {
  const script = new Script({ maxHeldSpans: 100 });
  script.answer = () => unavailable;
  script.details = "Connection dropped";
  script.export(10);
  script.export(5);
  await new Promise(setImmediate);
  script.details = notConnected;
  for (let i = 0; i < 50; i++) script.export(10);
  await script.exporter.shutdown();
  assert.equal([script.dropped, script.unanswered], [515, 15]);
});

test("what never got to a Collector, and what a Collector refused, is lost for certain", async () => {
  for (const [status, details] of [
    [unavailable, notConnected],
    [3, "bad request"],
  ] as const) {
    const script = new Script();
    script.answer = () => status;
    script.details = details;
    script.export(10);
    await new Promise(setImmediate);
    await script.exporter.shutdown();
    assert.equal([script.dropped, script.unanswered], [10, 0], details);
  }
});

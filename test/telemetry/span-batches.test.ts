/** The times at which gathered spans are sent, and the waits of a flush and a shutdown. */

import { SpanKind } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import * as assert from "uvu/assert";
import { type EncodedSpans, halve } from "../../src/telemetry/otlp/encoded-spans.ts";
import { RequestFrame } from "../../src/telemetry/otlp/request-frame.ts";
import { RetryingSender, type SenderOptions } from "../../src/telemetry/otlp/retrying-sender.ts";
import { SpanBatches, type SpanBatchesOptions } from "../../src/telemetry/spans/span-batches.ts";
import { LeanSpans } from "../../src/telemetry/spans/span-source.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";
import { spansOf } from "./decoded.ts";

const resourceExhausted = 8;
/** gRPC's UNAUTHENTICATED. */
const refused = 16;
const unavailable = 14;

interface Options extends Partial<Omit<SpanBatchesOptions, "sender">>, Partial<SenderOptions<EncodedSpans>> {}

/** A Collector whose answers a test decides: a gRPC status, 0 for taken, undefined for none until `answerNext`. */
class Script {
  answer: (spans: EncodedSpans) => number | undefined = () => 0;
  readonly requests: string[][] = [];
  readonly warnings: unknown[] = [];
  /** Whose memory may be used again. */
  readonly free: EncodedSpans[] = [];
  dropped = 0;
  readonly batches: SpanBatches;
  readonly #unanswered: (() => void)[] = [];
  readonly #source: LeanSpans;

  constructor(options: Options = {}) {
    const frame = new RequestFrame(resourceFromAttributes({ "service.name": "x".repeat(100) }), {
      name: "throughline",
      version: "",
      schemaUrl: "",
    });
    const log = { debug() {}, info() {}, warn: (fields: object) => void this.warnings.push(fields), error() {} };
    const onDropped = (spans: number): void => {
      this.dropped += spans;
    };
    const shared = { log, onDropped };
    this.batches = new SpanBatches({
      maxSize: 10,
      maxWaitMs: 3_600_000,
      ...shared,
      ...options,
      sender: (onFree) =>
        new RetryingSender({
          create: () => ({
            export: (spans, done) => {
              const names = spansOf(frame.around(spans)).map(({ name }) => String(name));
              const status = this.answer(spans);
              const take = (): void => {
                this.requests.push(names);
                done({ code: ExportResultCode.SUCCESS });
              };
              if (status === undefined) this.#unanswered.push(take);
              else if (status === 0) queueMicrotask(take);
              else {
                const error = Object.assign(new Error(`status ${status}`), { code: status });
                queueMicrotask(() => done({ code: ExportResultCode.FAILED, error }));
              }
            },
            shutdown: async () => {},
          }),
          halve,
          onFree: (batch) => {
            this.free.push(batch);
            onFree(batch);
          },
          shutdownTimeoutMs: 200,
          firstDelayMs: 5,
          maxDelayMs: 20,
          ...shared,
          ...options,
        }),
    });
    this.#source = new LeanSpans(
      () => true,
      (span) => this.batches.add(span),
    );
  }

  /** Spans of these names end. */
  span(...names: readonly string[]): void {
    for (const name of names) this.#open(name, {}).end();
  }

  broken(): void {
    const attributes = {
      get bad(): never {
        throw new Error("a getter that throws");
      },
    };
    this.#open("broken", attributes).end();
  }

  answerLast(): void {
    this.#unanswered.pop()?.();
  }

  answerNext(): void {
    this.#unanswered.shift()?.();
  }

  get taken(): readonly string[] {
    return this.requests.flat().sort();
  }

  #open(name: string, attributes: object) {
    const place = { parent: undefined, context: undefined, links: [] };
    return this.#source.open({
      ...place,
      name,
      kind: SpanKind.INTERNAL,
      statics: {},
      attributes: attributes as Record<string, unknown>,
    });
  }
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `s-${String(i).padStart(5, "0")}`);

test("a full batch goes at once, and a partial one when it has waited long enough", async () => {
  const script = new Script({ maxWaitMs: 1 });
  script.span(...names(25));
  await eventually(() => script.requests.length === 3);
  assert.equal(
    script.requests.map(({ length }) => length),
    [10, 10, 5],
  );
  assert.equal(script.taken, names(25));
});

test("a batch is full, too, when a Collector would not take more bytes at once", async () => {
  const script = new Script({ maxSize: 512 });
  for (let i = 0; i < 10; i++) script.span("x".repeat(500_000));
  await script.batches.flush();
  assert.equal(
    script.requests.map(({ length }) => length),
    [5, 5],
  );
});

test("a flush waits for spans that have ended by then, and for no later ones", async () => {
  const script = new Script();
  script.answer = () => undefined;
  script.span("before");
  let flushed = false;
  const flush = script.batches.flush().then(() => {
    flushed = true;
  });
  script.span(...names(20));
  script.answerLast();
  await new Promise(setImmediate);
  assert.equal([script.taken.length, flushed], [10, false]);
  script.answerNext();
  await flush;
  assert.is(script.taken.length, 11);
  assert.ok(script.taken.includes("before"));
  const all = script.batches.flush();
  while (script.taken.length < 21) script.answerNext();
  await all;
});

test("a batch that is too large for the Collector arrives in halves, its buffer untouched meanwhile", async () => {
  const script = new Script({ maxSize: 100 });
  script.answer = ({ count }) => (count > 7 ? resourceExhausted : 0);
  // Long enough to fill the encoder's buffer, so that it is handed over and not copied.
  const long = names(400).map((name) => name + "x".repeat(600));
  script.span(...long);
  await script.batches.flush();
  assert.equal([script.taken, script.dropped], [long, 0]);
});

test("spans that wait for a Collector are unchanged when it takes them", async () => {
  const script = new Script({ maxSize: 100, maxHeldSpans: 5_000 });
  // Long enough to fill the encoder's buffer, which is used again once it is delivered.
  const long = names(4_000).map((name) => name + "x".repeat(600));
  for (let from = 0; from < long.length; from += 1_000) {
    script.answer = () => unavailable;
    script.span(...long.slice(from, from + 500));
    await new Promise(setImmediate);
    script.answer = () => 0;
    script.span(...long.slice(from + 500, from + 1_000));
    await script.batches.flush();
  }
  assert.equal([script.taken, script.dropped], [long, 0]);
});

test("a batch's memory is free once its first call has succeeded, and never after one that failed", async () => {
  const script = new Script({ maxSize: 1 });
  const seen: EncodedSpans[] = [];
  const answers = [0, unavailable, 0, refused, 0];
  script.answer = (batch) => {
    seen.push(batch);
    return answers[seen.length - 1];
  };
  for (const name of ["delivered", "delivered later", "refused", "delivered, too"]) {
    script.span(name);
    await script.batches.flush();
  }
  assert.is(seen[1], seen[2]);
  assert.equal([script.free.length, script.free[0] === seen[0], script.free[1] === seen[4]], [2, true, true]);
});

test("beyond the bound the oldest spans go, and are counted", async () => {
  const script = new Script({ maxHeldSpans: 100 });
  script.answer = () => unavailable;
  script.span(...names(500));
  assert.ok(script.dropped >= 300 && script.dropped <= 400, String(script.dropped));
  assert.is(script.warnings.length, 1);
  script.answer = () => 0;
  await script.batches.flush();
  assert.is(script.taken.length + script.dropped, 500);
});

test("a span that cannot be encoded is dropped and takes none with it", async () => {
  const script = new Script();
  script.span("a");
  script.broken();
  script.span("b");
  script.broken();
  await script.batches.flush();
  assert.equal([script.taken, script.dropped, script.warnings.length], [["a", "b"], 2, 1]);
});

test("shutdown delivers gathered spans within its deadline, and no span is taken after it", async () => {
  const script = new Script();
  script.span("gathered");
  await script.batches.shutdown();
  script.span("late");
  await script.batches.shutdown();
  assert.equal([script.taken, script.dropped], [["gathered"], 1], "a late one is counted");

  const hanging = new Script();
  hanging.answer = () => undefined;
  hanging.span("gathered");
  const flush = hanging.batches.flush();
  await hanging.batches.shutdown();
  await flush;
  assert.is(hanging.dropped, 1);
});

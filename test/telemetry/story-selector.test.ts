/** Stories are kept or left out as a whole, by how they ended. */

import { SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import * as assert from "uvu/assert";
import { randomHex } from "../../src/model/random-hex.ts";
import { StorySelector } from "../../src/telemetry/rebuild/story-selector.ts";
import type { EndedSpan } from "../../src/telemetry/spans/ended-span.ts";
import { test } from "../support/test.ts";

interface Given {
  readonly traceId: string;
  readonly startMs?: number;
  readonly endMs?: number;
  readonly outcome?: string;
  readonly attributes?: Readonly<Record<string, string | number>>;
  readonly linked?: readonly string[];
}

function spanOf({ traceId, startMs = 0, endMs = 10, outcome, attributes = {}, linked = [] }: Given): EndedSpan {
  const context = (trace: string) => ({ traceId: trace, spanId: randomHex(8), traceFlags: TraceFlags.SAMPLED });
  return {
    own: context(traceId),
    parent: undefined,
    name: "process things",
    kind: SpanKind.CONSUMER,
    statics: {},
    attributes,
    later: outcome === undefined ? [] : ["throughline.outcome", outcome],
    droppedAttributes: 0,
    links: linked.map((trace) => ({ context: context(trace) })),
    droppedLinks: 0,
    events: [],
    droppedEvents: 0,
    status: SpanStatusCode.UNSET,
    statusMessage: "",
    startMs,
    startNs: 0,
    endMs,
    endNs: 0,
  };
}

function selectorOf(more: { ratio?: number; maxHeld?: number } = {}) {
  const taken: EndedSpan[] = [];
  const late: [string, number][] = [];
  const selector = new StorySelector({
    outcomes: new Set(["slow", "failed", "rejected", "retried"]),
    slowMs: 1_000,
    rejectedBy: ["event.type=reject"],
    ratio: 0,
    quietMs: 100,
    maxHeld: 1_000_000,
    onLate: (traceId, sinceMs) => void late.push([traceId, sinceMs]),
    take: (span) => void taken.push(span),
    ...more,
  });
  return { selector, taken, late, tracesTaken: () => [...new Set(taken.map(({ own }) => own.traceId))].sort() };
}

const trace = (n: number): string => n.toString(16).padStart(32, "a");

test("slow, failed, rejected and retried stories are kept whole, and others are not", () => {
  const { selector, taken, tracesTaken } = selectorOf();
  for (let n = 0; n < 6; n++) selector.take(spanOf({ traceId: trace(n) }), "s");
  selector.take(spanOf({ traceId: trace(1), startMs: 900, endMs: 1_000 }), "s");
  selector.take(spanOf({ traceId: trace(2), outcome: "deadLettered" }), "s");
  selector.take(spanOf({ traceId: trace(3), outcome: "retried" }), "s");
  selector.take(spanOf({ traceId: trace(4), attributes: { "event.type": "reject" } }), "s");
  selector.take(spanOf({ traceId: trace(5), outcome: "acked" }), "s");
  selector.take(spanOf({ traceId: trace(6), outcome: "owner_lost" }), "s");
  selector.decide(50);
  assert.is(taken.length, 0, "none is over yet");
  selector.decide(5_000);
  assert.equal(tracesTaken(), [1, 2, 3, 4, 6].map(trace));
  assert.is(taken.length, 9);
  assert.equal([selector.kept, selector.left], [5, 2]);
});

test("of stories without a fault the ratio is kept, the same ones each time", () => {
  const total = 20_000;
  const ids = Array.from({ length: total }, () => randomHex(16));
  const keptOf = (): readonly string[] => {
    const { selector, tracesTaken } = selectorOf({ ratio: 0.1 });
    for (const traceId of ids) selector.take(spanOf({ traceId }), "s");
    selector.decide(5_000);
    return tracesTaken();
  };
  const kept = keptOf();
  assert.ok(Math.abs(kept.length - total / 10) < 6 * Math.sqrt(total * 0.09), `${kept.length} of ${total}`);
  assert.equal(keptOf(), kept);
});

test("a batch's span comes once, with the first of its stories that is kept", () => {
  const { selector, taken } = selectorOf();
  const batch = { "messaging.batch.message_count": 3 };
  for (const n of [1, 2, 3]) selector.take(spanOf({ traceId: trace(n), ...(n > 1 && { outcome: "retried" }) }), "s");
  selector.take(spanOf({ traceId: trace(9), attributes: batch, linked: [1, 2, 3].map(trace) }), "s");
  selector.take(spanOf({ traceId: trace(8), attributes: batch, linked: [trace(1)] }), "s");
  selector.decide(5_000);
  assert.equal(
    taken.map(({ own }) => own.traceId),
    [2, 9, 3].map(trace),
  );
});

test("of a story that was left out and goes wrong later its earlier spans are asked for; of one that was kept the later ones come", () => {
  const { selector, taken, late } = selectorOf();
  selector.take(spanOf({ traceId: trace(1), startMs: 5 }), "s");
  selector.take(spanOf({ traceId: trace(2), outcome: "retried" }), "s");
  selector.decide(200);
  selector.take(spanOf({ traceId: trace(1), startMs: 300, endMs: 310, outcome: "deadLettered" }), "s");
  selector.take(spanOf({ traceId: trace(2), startMs: 300, endMs: 310 }), "s");
  selector.decide(500);
  assert.equal(late, [[trace(1), 5]]);
  assert.is(taken.filter(({ own }) => own.traceId === trace(2)).length, 2);
  assert.equal([selector.kept, selector.left], [2, 0]);
});

test("where too much is held the stories that were silent for longest are decided as they stand", () => {
  const { selector, taken } = selectorOf({ maxHeld: 2, ratio: 1 });
  for (const n of [1, 2, 3, 4]) selector.take(spanOf({ traceId: trace(n) }), "s");
  selector.decide(0);
  assert.equal(
    taken.map(({ own }) => own.traceId),
    [trace(1), trace(2)],
  );
});

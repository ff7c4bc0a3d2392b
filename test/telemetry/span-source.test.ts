/** The choice of the backbone's spans that are opened, and of their traces: the same as the SDK's sampler makes. */

import {
  createTraceState,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { SamplingDecision, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { type RootRule, ratioRule } from "../../src/telemetry/setup/root-rule.ts";
import { rootRatioOf, samplerOf } from "../../src/telemetry/setup/sampler.ts";
import { LeanSpans } from "../../src/telemetry/spans/span-source.ts";
import type { Opening, Place } from "../../src/tracing/sdk.ts";
import { test } from "../support/test.ts";

const sampled: SpanContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: TraceFlags.SAMPLED,
  traceState: createTraceState("vendor=1"),
};
const unsampled: SpanContext = { ...sampled, traceFlags: TraceFlags.NONE };
const invalid: SpanContext = { ...sampled, traceId: "0".repeat(32) };

const linksTo = (...contexts: readonly SpanContext[]): Link[] => contexts.map((context) => ({ context }));
const place = (parent: SpanContext | undefined, links: Link[] = []): Place => ({ parent, context: undefined, links });
const openingAt = (at: Place): Opening => ({ ...at, name: "s", kind: SpanKind.INTERNAL, statics: {}, attributes: {} });

function sourceOf(keepsRoot: RootRule): LeanSpans {
  return new LeanSpans(keepsRoot, () => undefined);
}

test("spans are kept and declined as the SDK's sampler decides, at every place", () => {
  const parents = [undefined, sampled, unsampled, invalid];
  const linked = [[], [sampled], [unsampled], [unsampled, sampled], [invalid], [invalid, unsampled]];
  for (const [name, argument] of [
    [undefined, undefined],
    ["parentbased_always_on", undefined],
    ["parentbased_always_off", undefined],
    ["parentbased_traceidratio", "0"],
    ["parentbased_traceidratio", "1"],
  ] as const) {
    const source = sourceOf(ratioRule(rootRatioOf(name, argument) ?? Number.NaN));
    const sampler = samplerOf(name, argument);
    for (const parent of parents) {
      for (const contexts of linked) {
        const links = linksTo(...contexts);
        const around = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
        const traceId = "f".repeat(32);
        const decision = sampler?.shouldSample(around, traceId, "s", SpanKind.INTERNAL, {}, links).decision;
        const declined = source.decline(place(parent, links));
        assert.is(declined === undefined, decision === SamplingDecision.RECORD_AND_SAMPLED);
        if (declined === undefined) continue;
        assert.is(declined.traceFlags, TraceFlags.NONE);
        assert.ok(isSpanContextValid(declined));
        if (parent === unsampled) assert.is(declined.traceId, parent.traceId);
      }
    }
  }
});

test("a span goes on with its parent's trace, and names it", () => {
  const source = sourceOf(ratioRule(1));
  assert.is(source.decline(place(sampled)), undefined);
  const { traceId, spanId, traceFlags, traceState, isRemote } = source.open(openingAt(place(sampled))).spanContext();
  assert.equal([traceId, traceFlags, traceState], [sampled.traceId, TraceFlags.SAMPLED, sampled.traceState]);
  assert.match(spanId, /^[0-9a-f]{16}$/);
  assert.is.not(spanId, sampled.spanId);
  assert.not.ok(isRemote);
});

test("a root has the trace id that the rule has seen, and the next root another", () => {
  const seen: string[] = [];
  const source = sourceOf((bytes, at) => {
    seen.push(bytes.toString("hex", at, at + 16));
    return true;
  });
  const opened = [1, 2, 3].map(() => {
    assert.is(source.decline(place(undefined)), undefined);
    return source.open(openingAt(place(undefined))).spanContext().traceId;
  });
  assert.equal(opened, seen);
  assert.is(new Set(opened).size, 3);
  const followed = place(undefined, linksTo(sampled));
  assert.is(source.decline(followed), undefined);
  const { traceId } = source.open(openingAt(followed)).spanContext();
  assert.is(seen.length, 3, "links decide without the rule");
  assert.not.ok([...opened, sampled.traceId].includes(traceId));
});

test("a ratio keeps the traces that the SDK's sampler keeps", () => {
  const anyRatio = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 0.01, 2 ** -32));
  const anyId = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(anyRatio, anyId, fc.boolean(), (ratio, id, isNear) => {
      const bytes = Buffer.from(id);
      // The words of an id are folded into one: this one folds to the bound itself, or next to it.
      if (isNear) {
        const rest = bytes.readUInt32BE(0) ^ bytes.readUInt32BE(4) ^ bytes.readUInt32BE(8);
        const bound = Math.min(Math.floor(ratio * 0xffff_ffff) + (bytes.readInt8(12) % 2), 0xffff_ffff);
        bytes.writeUInt32BE((rest ^ Math.max(0, bound)) >>> 0, 12);
      }
      const traceId = bytes.toString("hex");
      fc.pre(traceId !== "0".repeat(32)); // never drawn
      const { decision } = new TraceIdRatioBasedSampler(ratio).shouldSample(ROOT_CONTEXT, traceId);
      assert.is(ratioRule(ratio)(bytes, 0), decision === SamplingDecision.RECORD_AND_SAMPLED);
    }),
    { numRuns: 2_000 },
  );
});

test("a ratio keeps about that part of the roots", () => {
  const source = sourceOf(ratioRule(0.25));
  let kept = 0;
  for (let i = 0; i < 4_000; i++) {
    if (source.decline(place(undefined)) !== undefined) continue;
    kept += 1;
    source.open(openingAt(place(undefined)));
  }
  assert.ok(kept > 800 && kept < 1_200, String(kept));
});

test("nothing is opened under a context in which tracing is suppressed", () => {
  const source = sourceOf(ratioRule(1));
  const context = suppressTracing(trace.setSpanContext(ROOT_CONTEXT, sampled));
  assert.is(source.decline({ parent: sampled, context, links: [] }), INVALID_SPAN_CONTEXT);
  assert.is(source.decline({ parent: sampled, context: ROOT_CONTEXT, links: [] }), undefined);
});

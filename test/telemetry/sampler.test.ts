/** The choice of the spans that are kept: by parent, by links, by ratio. */

import { type Link, ROOT_CONTEXT, type SpanContext, SpanKind, TraceFlags, trace } from "@opentelemetry/api";
import { SamplingDecision } from "@opentelemetry/sdk-trace";
import * as assert from "uvu/assert";
import { samplerOf } from "../../src/telemetry/setup/sampler.ts";
import { test } from "../support/test.ts";

const spanContext = (sampled: boolean): SpanContext => ({
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
});
const link = (sampled: boolean): Link => ({ context: spanContext(sampled) });

function keeps(
  name: string | undefined,
  argument: string | undefined,
  parent: boolean | undefined,
  links: readonly Link[],
): boolean {
  const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext(parent));
  const sampler = samplerOf(name, argument);
  const traceId = "ffffffffffffffffffffffffffffffff";
  const result = sampler?.shouldSample(context, traceId, "process", SpanKind.CONSUMER, {}, [...links]);
  return result?.decision === SamplingDecision.RECORD_AND_SAMPLED;
}

test("a root follows its links: one sampled link keeps it, only unsampled ones drop it", () => {
  for (const [name, argument] of [
    [undefined, undefined],
    ["parentbased_always_on", undefined],
    ["parentbased_traceidratio", "0"],
  ] as const) {
    assert.is(keeps(name, argument, undefined, [link(false), link(true)]), true);
    assert.is(keeps(name, argument, undefined, [link(false), link(false)]), false);
  }
});

test("a root without links is kept by the ratio", () => {
  assert.is(keeps(undefined, undefined, undefined, []), true);
  assert.is(keeps("parentbased_traceidratio", "0", undefined, []), false);
  assert.is(keeps("parentbased_traceidratio", "1", undefined, []), true);
  assert.is(keeps("parentbased_always_off", undefined, undefined, []), false);
});

test("a parent decides before the links do", () => {
  assert.is(keeps(undefined, undefined, true, [link(false)]), true);
  assert.is(keeps(undefined, undefined, false, [link(true)]), false);
});

test("samplers that do not look at the parent do not look at links either", () => {
  assert.is(keeps("always_off", undefined, undefined, [link(true)]), false);
  assert.is(keeps("always_on", undefined, undefined, [link(false)]), true);
  assert.is(samplerOf("jaeger_remote", undefined), undefined);
});

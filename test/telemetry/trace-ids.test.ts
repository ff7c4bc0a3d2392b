/** Trace ids where nothing is exported. */

import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import * as assert from "uvu/assert";
import { provideTraceIds } from "../../src/telemetry/setup/trace-ids.ts";
import { test } from "../support/test.ts";

test("gives every root a trace of its own and every span an id of its own, and a child its parent's trace", () => {
  const takeAway = provideTraceIds();
  try {
    const tracer = trace.getTracer("test");
    const traces = new Set<string>();
    const spans = new Set<string>();
    const roots = 50_000;
    for (let n = 0; n < roots; n++) {
      const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
      const child = tracer.startSpan("child", {}, trace.setSpan(ROOT_CONTEXT, root)).spanContext();
      const { traceId, spanId } = root.spanContext();
      assert.is(child.traceId, traceId);
      traces.add(traceId);
      spans.add(spanId).add(child.spanId);
    }
    assert.equal([traces.size, spans.size], [roots, 2 * roots]);
    assert.ok([...traces].every((id) => /^[0-9a-f]{32}$/.test(id)));
    assert.ok([...spans].every((id) => /^[0-9a-f]{16}$/.test(id)));
  } finally {
    takeAway();
  }
});

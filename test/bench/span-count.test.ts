/** Spans are counted in an export as the official definitions encode it. */

import { loadSync } from "@grpc/proto-loader";
import * as assert from "uvu/assert";
import { countSpans } from "../../bench/span-count.ts";
import { test } from "../support/test.ts";
import { definitionsDir } from "../telemetry/otlp-definitions.ts";

const service = loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto", {
  includeDirs: [definitionsDir],
})["opentelemetry.proto.collector.trace.v1.TraceService"];

function encode(request: object): Buffer {
  if (service === undefined || "format" in service) throw new Error("the definitions have no TraceService");
  const { Export } = service as Record<string, { requestSerialize(value: object): Buffer }>;
  if (Export === undefined) throw new Error("the TraceService has no Export");
  return Export.requestSerialize(request);
}

const span = {
  traceId: Buffer.alloc(16, 7),
  spanId: Buffer.alloc(8, 9),
  name: "a name",
  startTimeUnixNano: "1700000000000000000",
  attributes: [{ key: "k", value: { stringValue: "v".repeat(300) } }],
  links: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) }],
  droppedLinksCount: 3,
};

test("counts the spans of all resources and scopes, and nothing that is within a span", () => {
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "bench" } }] };
  const request = {
    resourceSpans: [
      { resource, scopeSpans: [{ scope: { name: "a" }, spans: [span, span] }, { spans: [span] }] },
      { scopeSpans: [{ spans: Array.from({ length: 500 }, () => span) }] },
      { resource, scopeSpans: [] },
    ],
  };
  assert.is(countSpans(encode(request)), 503);
  assert.is(countSpans(encode({ resourceSpans: [] })), 0);
});

test("an export that is cut off is refused", () => {
  const bytes = encode({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  assert.throws(() => countSpans(bytes.subarray(0, bytes.length - 5)), /beyond its end|middle of a number/);
});

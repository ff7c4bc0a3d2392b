/** The bytes on the wire, as an independent implementation of protocol buffers reads them. */

import { spawnSync } from "node:child_process";
import * as assert from "uvu/assert";
import { skip, test } from "../support/test.ts";
import { Collector } from "./collector.ts";
import { startEmitter } from "./emitter.ts";
import { definitionsDir } from "./otlp-definitions.ts";

test("protoc reads the same spans from the bytes of an export", async () => {
  if (spawnSync("protoc", ["--version"]).status !== 0) skip("protoc is not installed (Debian: protobuf-compiler)");
  await using collector = await Collector.start();
  await using emitter = await startEmitter({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  await emitter.tell("events 1");
  await emitter.tell("stop");
  await collector.until(({ spans }) => spans.length === 3);
  const proto = "opentelemetry/proto/collector/trace/v1/trace_service.proto";
  const message = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest";
  const text = collector.exports
    .map((bytes) => {
      const { status, stdout, stderr } = spawnSync("protoc", [`--decode=${message}`, `-I${definitionsDir}`, proto], {
        input: bytes,
      });
      assert.is(status, 0, stderr.toString());
      return stdout.toString();
    })
    .join("");
  for (const { name, attributes } of collector.spans) {
    assert.match(text, `name: "${name}"`);
    for (const key of Object.keys(attributes)) assert.match(text, `key: "${key}"`);
  }
  assert.match(text, /kind: SPAN_KIND_CONSUMER/);
  assert.match(text, /links \{\s+trace_id:/);
  assert.match(text, /string_value: "u-1"/);
});

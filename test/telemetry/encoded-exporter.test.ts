/** The call to the Collector: its settings by the variables, and the handling of its answers. */

import { status } from "@grpc/grpc-js";
import { DiagLogLevel, diag } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import * as assert from "uvu/assert";
import { startReceiver } from "../../bench/receiving.ts";
import { createEncodedExporter } from "../../src/telemetry/otlp/encoded-exporter.ts";
import type { EncodedSpans } from "../../src/telemetry/otlp/encoded-spans.ts";
import { Wire } from "../../src/telemetry/otlp/protobuf-writer.ts";
import { RequestFrame } from "../../src/telemetry/otlp/request-frame.ts";
import type { Exporter } from "../../src/telemetry/otlp/retrying-sender.ts";
import { test } from "../support/test.ts";
import { LocalReceiver } from "./local-receiver.ts";

const frame = new RequestFrame(resourceFromAttributes({ "service.name": "tested" }), {
  name: "throughline",
  version: "",
  schemaUrl: "",
});

const room = 2_048;

/** One span of as many bytes, which nothing looks into. */
function batchOf(size: number): EncodedSpans {
  const wire = new Wire(room + size + 10);
  wire.at = room;
  wire.byte(0x12);
  wire.varint(size);
  wire.raw(Buffer.alloc(size));
  const whole = wire.copy();
  return { count: 1, size: whole.length, bytes: whole, start: room, whole };
}

async function withVariables<T>(variables: Readonly<Record<string, string>>, run: () => T): Promise<Awaited<T>> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return await run();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

function exporterTo({ endpoint }: { readonly endpoint: string }, timeoutMillis = 5_000): Exporter<EncodedSpans> {
  return createEncodedExporter(frame, { url: endpoint, userAgent: "tested/1", timeoutMillis });
}

function send(exporter: Exporter<EncodedSpans>, batch: EncodedSpans): Promise<ExportResult> {
  return new Promise((resolve) => exporter.export(batch, resolve));
}

test("a request arrives whole, with headers and compression as the variables say", async () => {
  await using receiver = await LocalReceiver.start();
  const variables = { OTEL_EXPORTER_OTLP_HEADERS: "tenant=a,key=b%20c", OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" };
  await withVariables(variables, async () => {
    const exporter = exporterTo(receiver);
    const batch = batchOf(300_000);
    assert.equal(await send(exporter, batch), { code: ExportResultCode.SUCCESS });
    assert.ok(receiver.requests[0]?.equals(frame.around(batch)));
    const { metadata } = receiver;
    assert.equal([metadata[0]?.get("tenant"), metadata[0]?.get("key")], [["a"], ["b c"]]);
    assert.match(String(metadata[0]?.get("user-agent")), /^tested\/1 Throughline-OTLP-Exporter-JavaScript /);
    await exporter.shutdown();
  });
});

test("the sender receives gRPC's status of a failure, also of a deadline", async () => {
  await using receiver = await LocalReceiver.start();
  const exporter = exporterTo(receiver, 300);
  const codes: unknown[] = [];
  for (const answer of [{ code: status.UNAUTHENTICATED }, { code: status.RESOURCE_EXHAUSTED }, undefined]) {
    receiver.answer = () => answer;
    const { code, error } = await send(exporter, batchOf(100));
    assert.is(code, ExportResultCode.FAILED);
    codes.push((error as { code?: unknown }).code);
  }
  assert.equal(codes, [status.UNAUTHENTICATED, status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED]);
  await exporter.shutdown();
});

test("a certificate that cannot be read fails each export, and not the start", async () => {
  await using receiver = await LocalReceiver.start();
  await withVariables({ OTEL_EXPORTER_OTLP_CERTIFICATE: "/no/such/file" }, async () => {
    const url = receiver.endpoint.replace("http://127.0.0.1", "https://localhost");
    const exporter = createEncodedExporter(frame, { url, timeoutMillis: 300 });
    assert.is((await send(exporter, batchOf(100))).code, ExportResultCode.FAILED);
    await exporter.shutdown();
  });
});

/** The lines of the SDK's own log while `run` runs; `warn` may throw. */
async function warningsOf(run: () => Promise<void>, warn: () => void = () => undefined): Promise<readonly string[]> {
  const said: string[] = [];
  const told = (text: string): void => {
    said.push(text);
    warn();
  };
  diag.setLogger({ error() {}, info() {}, debug() {}, verbose() {}, warn: told }, DiagLogLevel.WARN);
  try {
    await run();
  } finally {
    diag.disable();
  }
  return said;
}

test("a Collector's remark on a batch that it has taken is logged, and a log that fails does no harm", async () => {
  await using receiver = await LocalReceiver.start();
  const exporter = exporterTo(receiver);
  // Field 1, `partial_success`: nothing to say; 3 spans rejected, "too old"; none, "too fast"; then an answer that is none.
  const answers = ["0a00", "0a0b08031207746f6f206f6c64", "0a0a1208746f6f2066617374", "ff"].map((hex) =>
    Buffer.from(hex, "hex"),
  );
  const sendAll = async (): Promise<void> => {
    for (const answer of answers) {
      receiver.answer = () => answer;
      assert.equal(await send(exporter, batchOf(100)), { code: ExportResultCode.SUCCESS });
    }
  };
  const said = await warningsOf(sendAll);
  assert.equal(said.slice(0, 2), [
    "the Collector has taken a batch without 3 of its spans: too old",
    "the Collector has taken all spans of a batch: too fast",
  ]);
  assert.match(said[2] ?? "", /its answer cannot be read/);
  const failing = (): never => {
    throw new Error("the log is broken");
  };
  assert.is((await warningsOf(sendAll, failing)).length, 3);
  await exporter.shutdown();
});

test("a shutdown waits for exports under way", async () => {
  await using receiver = await LocalReceiver.start();
  const exporter = exporterTo(receiver);
  const results: ExportResult[] = [];
  const sent = send(exporter, batchOf(100)).then((result) => results.push(result));
  await exporter.shutdown();
  assert.equal(results, [{ code: ExportResultCode.SUCCESS }]);
  await sent;
});

test("requests leave no memory behind that only a full collection frees", async () => {
  await using receiver = await startReceiver();
  const exporter = exporterTo({ endpoint: receiver.otlpUrl });
  const batch = batchOf(400_000);
  const small = JSON.stringify({ a: [1, 2, 3], b: { c: "d" } });
  let most = 0;
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 200; i++) {
    assert.equal(await send(exporter, batch), { code: ExportResultCode.SUCCESS });
    // Garbage, for scavenges.
    for (let k = 0; k < 10_000; k++) assert.is(JSON.parse(small).a.length, 3);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  assert.ok(most < 10e6, `${Math.round(most / 1e6)} MB of ${Math.round((200 * 400_000) / 1e6)}`);
  await exporter.shutdown();
});

/**
 * A Collector's OTLP/gRPC end as a process of its own, from the official definitions: writes what arrives as NDJSON to standard output,
 * and behaves as told by lines on standard input: `accept`, `hang`, `refuse`, `deny`, `absent`. Its argument is the address it listens on.
 */

import { createInterface } from "node:readline";
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type ExportMetrics, type ExportTrace, type ReceiverLine, toMetrics, toSpans } from "./otlp.ts";
import { definitionsDir } from "./otlp-definitions.ts";

/** `refuse`: tells the client to come again. `deny`: tells it not to. `absent`: nobody listens. */
type Mode = "accept" | "hang" | "refuse" | "deny" | "absent";

interface Received<T> {
  readonly bytes: Buffer;
  readonly message: T;
}

const definitions = loadSync(
  [
    "opentelemetry/proto/collector/trace/v1/trace_service.proto",
    "opentelemetry/proto/collector/metrics/v1/metrics_service.proto",
  ],
  { includeDirs: [definitionsDir], longs: String, enums: String, defaults: true, oneofs: true },
);

const [host = "127.0.0.1"] = process.argv.slice(2);
let mode: Mode = "accept";
let server: Server | undefined;
let port = 0;

function say(line: ReceiverLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** The service with its requests' bytes beside what they decode to. */
function serviceOf(name: string): ServiceDefinition {
  const service = definitions[name];
  if (service === undefined || "format" in service) throw new Error(`${name} is no service`);
  const keepBytes = Object.entries(service).map(([method, definition]) => [
    method,
    {
      ...definition,
      requestDeserialize: (bytes: Buffer) => ({ bytes, message: definition.requestDeserialize(bytes) }),
    },
  ]);
  return Object.fromEntries(keepBytes);
}

function answering<T>(take: (received: Received<T>) => void) {
  return ({ request }: ServerUnaryCall<Received<T>, object>, answer: sendUnaryData<object>): void => {
    if (mode === "hang") say({ line: "hung" });
    else if (mode === "refuse") answer({ code: status.UNAVAILABLE, details: "not now" });
    else if (mode === "deny") answer({ code: status.UNAUTHENTICATED, details: "who are you?" });
    else {
      take(request);
      answer(null, {});
    }
  };
}

function listen(): Promise<void> {
  server = new Server({ "grpc.max_receive_message_length": 4 * 1_024 * 1_024 });
  server.addService(serviceOf("opentelemetry.proto.collector.trace.v1.TraceService"), {
    Export: answering<ExportTrace>(({ bytes, message }) => {
      const spans = toSpans(message);
      say({ line: "export", spans: spans.length, bytes: bytes.toString("base64") });
      for (const span of spans) say({ line: "span", span });
    }),
  });
  server.addService(serviceOf("opentelemetry.proto.collector.metrics.v1.MetricsService"), {
    Export: answering<ExportMetrics>(({ message }) => {
      for (const metric of toMetrics(message)) say({ line: "metric", metric });
    }),
  });
  return new Promise((resolve, reject) => {
    server?.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error !== null) return reject(error);
      port = bound;
      resolve();
    });
  });
}

async function become(wanted: Mode): Promise<void> {
  mode = wanted;
  if (wanted === "absent") {
    server?.forceShutdown();
    server = undefined;
  } else if (server === undefined) await listen();
  say({ line: "mode", mode: wanted, port });
}

// Fails early when the definitions are not what they should be.
loadPackageDefinition(definitions);
await become("accept");
for await (const line of createInterface({ input: process.stdin })) await become(line.trim() as Mode);
server?.forceShutdown();

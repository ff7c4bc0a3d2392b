/** The optional peers of `throughline/telemetry`. */

import type { Peers } from "../../model/optional-peer.ts";

export const telemetryPeers: Peers = {
  door: "throughline/telemetry",
  title: "pino and the OpenTelemetry SDK 3.x",
  // Versions that fit each other exactly: beside any other, npm installs the whole SDK twice.
  packages: [
    "pino@10",
    "pino-pretty@13",
    "@grpc/grpc-js@1",
    "@opentelemetry/core@3.1.0",
    "@opentelemetry/exporter-metrics-otlp-grpc@0.301.0",
    "@opentelemetry/exporter-prometheus@0.301.0",
    "@opentelemetry/exporter-trace-otlp-grpc@0.301.0",
    "@opentelemetry/instrumentation-ioredis@0.72.0",
    "@opentelemetry/otlp-grpc-exporter-base@0.301.0",
    "@opentelemetry/otlp-transformer@0.301.0",
    "@opentelemetry/resources@3.1.0",
    "@opentelemetry/sdk-metrics@3.1.0",
    "@opentelemetry/sdk-node@0.301.0",
    "@opentelemetry/sdk-trace@3.1.0",
  ],
};

/// <reference lib="esnext.disposable" preserve="true" />
/** `throughline/telemetry`: logging, traces and metrics of one process, by the standard `OTEL_*` variables. Import and call it first. */

import "./model/require-node.ts";

export { startTelemetry, type Telemetry, type TelemetryOptions } from "./telemetry/setup/start-telemetry.ts";
export { derivedIds, type IdGenerator } from "./tracing/id-generator.ts";

/** `throughline/telemetry`: logging, traces and metrics of one process, by the standard `OTEL_*` variables. Import and call it first. */

export { startTelemetry, type Telemetry, type TelemetryOptions } from "./telemetry/setup/start-telemetry.ts";

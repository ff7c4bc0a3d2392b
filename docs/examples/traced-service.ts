/** The guide's example of telemetry in a process without `throughline/service`. test/docs/examples.test.ts runs it. */

// #region telemetry
import { startTelemetry } from "throughline/telemetry"; // before what it is to instrument

await using telemetry = await startTelemetry({ serviceName: "my-service" });
telemetry.log.info({ started: true }, "a line with trace_id and span_id, where a span is active");
// #endregion telemetry

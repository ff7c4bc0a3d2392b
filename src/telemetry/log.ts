/** The process's log: pino, with the trace and span that a line belongs to. */

import { context, trace } from "@opentelemetry/api";
import { type DestinationStream, destination, type Logger, levels, pino } from "pino";
import pretty from "pino-pretty";

const standardError = 2;

/** An unknown `LOG_LEVEL` is logged and taken as `info`. */
export function createLog(
  serviceName: string,
  env: Readonly<Record<string, string | undefined>>,
  readable: boolean,
): Logger {
  const wanted = env["LOG_LEVEL"]?.trim().toLowerCase() || "info";
  const known = wanted === "silent" || wanted in levels.values;
  const log = pino(
    {
      level: known ? wanted : "info",
      base: { service: serviceName, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: activeIds,
    },
    readable ? readableStream() : destination({ fd: standardError, sync: true }),
  );
  if (!known)
    log.warn({ wanted }, `LOG_LEVEL is no level; it is one of ${Object.keys(levels.values).join(", ")}, silent`);
  return log;
}

function readableStream(): DestinationStream {
  return pretty({ destination: standardError, sync: true, ignore: "pid,service", translateTime: "SYS:HH:MM:ss.l" });
}

/** @see https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/ */
function activeIds(): object {
  const active = trace.getSpanContext(context.active());
  return active === undefined
    ? {}
    : { trace_id: active.traceId, span_id: active.spanId, trace_flags: `0${active.traceFlags & 1}` };
}

/** The process's log: pino, with the ids of the trace and the span that a line belongs to. */

import { context, trace } from "@opentelemetry/api";
import { type DestinationStream, destination, type Logger, levels, pino } from "pino";
import pretty from "pino-pretty";
import { escaped, escapedLines, stackText } from "../../model/safe-text.ts";

const standardError = 2;

/** Makes the log. An unknown `LOG_LEVEL` is logged and taken as `info`. */
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
      hooks: { streamWrite: readable ? safeWhenRead : escapedLines },
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

/** Escapes the texts that pino-pretty takes out of the line and prints as they are. */
function safeWhenRead(line: string): string {
  return `${JSON.stringify(safe(JSON.parse(line)))}\n`;
}

function safe(value: unknown): unknown {
  if (typeof value === "string") return escaped(value);
  if (Array.isArray(value)) return value.map(safe);
  if (typeof value !== "object" || value === null) return value;
  const pairs = Object.entries(value).map(([name, member]) => [escaped(name), safe(member)]);
  // The form in which pino writes an error.
  const { stack, message } = value as { readonly stack?: unknown; readonly message?: unknown };
  if (typeof stack === "string" && typeof message === "string") pairs.push(["stack", stackText(stack, message)]);
  return Object.fromEntries(pairs);
}

/**
 * The active trace and span ids, for a line.
 * @see https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/
 */
function activeIds(): object {
  const active = trace.getSpanContext(context.active());
  return active === undefined
    ? {}
    : { trace_id: active.traceId, span_id: active.spanId, trace_flags: `0${active.traceFlags & 1}` };
}

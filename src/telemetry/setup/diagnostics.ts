/**
 * Writes the SDK's complaints to the process's log, each text once: a Collector that is away would repeat them for
 * long.
 */

import { type DiagLogger, DiagLogLevel, diag } from "@opentelemetry/api";
import { diagLogLevelFromString } from "@opentelemetry/core";
import type { Log } from "../../ports/log.ts";

/** Most texts remembered; then the memory starts anew. */
const maxRemembered = 200;

/** Connects the SDK's diagnostics to the log. `OTEL_LOG_LEVEL` sets the least level, default `warn`. */
export function logDiagnostics(log: Log, level: string | undefined): void {
  const said = new Set<string>();
  const once = (write: (fields: object, text: string) => void) => (message: string) => {
    const text = summaryOf(message);
    if (said.has(text)) return;
    if (said.size >= maxRemembered) said.clear();
    said.add(text);
    write({ component: "opentelemetry" }, text);
  };
  const debug = once(log.debug.bind(log));
  const logger: DiagLogger = {
    error: once(log.warn.bind(log)),
    warn: once(log.warn.bind(log)),
    info: once(log.info.bind(log)),
    debug,
    verbose: debug,
  };
  diag.setLogger(logger, {
    logLevel: diagLogLevelFromString(level) ?? DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
}

/** The text for the log: the SDK writes errors as JSON with a stack, and people need its message. */
function summaryOf(message: string): string {
  try {
    const parsed: unknown = JSON.parse(message);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) return String(parsed.message);
  } catch {
    // Not JSON: plain text, as most are.
  }
  return String(message).slice(0, 1_000);
}

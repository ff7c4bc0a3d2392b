/** Reads whether and where to export from the standard `OTEL_*` variables. The SDK reads all others itself. */

type Environment = Readonly<Record<string, string | undefined>>;

type Signal = "TRACES" | "METRICS";

export interface TelemetrySettings {
  /** Exporters of spans; empty: no tracing. */
  readonly traceExporters: readonly string[];
  /** Exporters of metrics; empty: no metrics. */
  readonly metricExporters: readonly string[];
  /** The protocol of the spans' OTLP exporter. Only `grpc` is ours; others are left to the SDK. */
  readonly traceProtocol: string;
  /** The protocol of the metrics' OTLP exporter. Only `grpc` is ours; others are left to the SDK. */
  readonly metricProtocol: string;
  /** True where a declarative configuration decides everything. */
  readonly byFile: boolean;
}

/** Reads the settings. `ids`: nothing is to be exported. `off`: everything is disabled. */
export function readSettings(env: Environment): TelemetrySettings | "ids" | "off" {
  if (env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true") return "off";
  const settings: TelemetrySettings = {
    traceExporters: exportersOf(env, "TRACES"),
    metricExporters: exportersOf(env, "METRICS"),
    traceProtocol: protocolOf(env, "TRACES"),
    metricProtocol: protocolOf(env, "METRICS"),
    byFile: textOf(env["OTEL_CONFIG_FILE"]) !== undefined,
  };
  const silent = settings.traceExporters.length === 0 && settings.metricExporters.length === 0;
  return silent && !settings.byFile ? "ids" : settings;
}

function protocolOf(env: Environment, signal: Signal): string {
  return textOf(env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`]) ?? textOf(env["OTEL_EXPORTER_OTLP_PROTOCOL"]) ?? "grpc";
}

/** The exporters of a signal. Where no variable names one, an endpoint switches the signal on. */
function exportersOf(env: Environment, signal: Signal): readonly string[] {
  const named = textOf(env[`OTEL_${signal}_EXPORTER`]);
  if (named !== undefined) {
    const exporters = [...new Set(named.split(",").map((name) => name.trim()))].filter((name) => name !== "");
    return exporters.includes("none") ? [] : exporters;
  }
  const endpoint = textOf(env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]) ?? textOf(env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  return endpoint === undefined ? [] : ["otlp"];
}

function textOf(value: string | undefined): string | undefined {
  const text = value?.trim();
  return text === "" ? undefined : text;
}

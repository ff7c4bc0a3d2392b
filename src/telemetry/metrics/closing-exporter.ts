/** Exports metrics over OTLP/gRPC, and lets no export outlive the process's telemetry: a call cannot be given up, only timed out. */

import type { ExportResult } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import type {
  AggregationOption,
  AggregationTemporality,
  InstrumentType,
  PushMetricExporter,
  ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { exporterDeadlineMs, timeoutOf } from "../setup/export-settings.ts";

export class ClosingExporter implements PushMetricExporter {
  readonly #shutdownTimeoutMs: number;
  #inner: OTLPMetricExporter;

  constructor(shutdownTimeoutMs: number) {
    this.#shutdownTimeoutMs = shutdownTimeoutMs;
    this.#inner = new OTLPMetricExporter(timeoutOf("METRICS", undefined, shutdownTimeoutMs));
  }

  /** From now on an export has the time that a shutdown has. One that is under way ends by its own time, which is no longer. */
  closing(): void {
    const before = this.#inner;
    const leftMs = Math.max(1, exporterDeadlineMs(this.#shutdownTimeoutMs));
    this.#inner = new OTLPMetricExporter(timeoutOf("METRICS", leftMs, this.#shutdownTimeoutMs));
    before.shutdown().catch(() => undefined); // its exports have told of their failures
  }

  export(metrics: ResourceMetrics, done: (result: ExportResult) => void): void {
    this.#inner.export(metrics, done);
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  selectAggregationTemporality(instrument: InstrumentType): AggregationTemporality {
    return this.#inner.selectAggregationTemporality(instrument);
  }

  selectAggregation(instrument: InstrumentType): AggregationOption {
    return this.#inner.selectAggregation(instrument);
  }
}

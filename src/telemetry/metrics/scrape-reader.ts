/** Answers Prometheus: a collection of all metrics by OpenTelemetry's own exporter, at a path of the caller's server. */

import type { RequestListener } from "node:http";
import { diag } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { IMetricReader, MetricProducer } from "@opentelemetry/sdk-metrics";

/** Longest wait for a gauge, ms: those that ask a Redis which is away must not keep the others from Prometheus, which waits for 10 s. */
const gaugeTimeoutMs = 3_000;

export class ScrapeReader {
  /** Of the exporter only its reader is used: its own request handler waits for a gauge for as long as that takes. */
  readonly reader: IMetricReader;
  readonly #serializer = new PrometheusSerializer();
  /** The collection under way, which all that ask meanwhile share: each reads the status of all components from Redis. */
  #collecting: Promise<string> | undefined;

  constructor(producers: readonly MetricProducer[]) {
    this.reader = new PrometheusExporter({ preventServerStart: true, metricProducers: [...producers] });
  }

  readonly answer: RequestListener = (_request, response) => {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined;
    });
    this.#collecting.then(
      (text) => {
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
        response.end(text);
      },
      (error: unknown) => {
        response.writeHead(503, { "content-type": "text/plain; charset=utf-8" });
        response.end(`# metrics could not be collected: ${error instanceof Error ? error.name : "unknown"}\n`);
      },
    );
  };

  async #collect(): Promise<string> {
    const { resourceMetrics, errors } = await this.reader.collect({ timeoutMillis: gaugeTimeoutMs });
    if (errors.length > 0) diag.warn("a scrape goes without some metrics", ...errors);
    return this.#serializer.serialize(resourceMetrics);
  }
}

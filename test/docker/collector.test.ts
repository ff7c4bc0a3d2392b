/** The Collectors' configurations: every setting is one that the component has, and every pipeline leads from a receiver to an exporter. */

import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { z } from "zod";
import { test } from "../support/test.ts";

const duration = z.string().regex(/^\d+(ms|s|m|h)$/);
const endpoint = z.string().regex(/^[\w.-]+:\d+$/);
const grpcClient = z.strictObject({
  endpoint,
  tls: z.strictObject({ insecure: z.literal(true) }),
  retry_on_failure: z.strictObject({ max_elapsed_time: duration }).optional(),
});
const otlp = z.strictObject({ protocols: z.strictObject({ grpc: z.strictObject({ endpoint }) }) });
const memoryLimiter = z.strictObject({
  check_interval: duration,
  limit_percentage: z.int().max(90),
  spike_limit_percentage: z.int().max(30),
});
const batch = z.strictObject({
  send_batch_size: z.int().optional(),
  send_batch_max_size: z.int().optional(),
  timeout: duration.optional(),
});
const pipeline = z.strictObject({
  receivers: z.array(z.string()).min(1),
  processors: z.array(z.string()).default([]),
  exporters: z.array(z.string()).min(1),
});

/** The settings that we use, of the components that we use, as their documentation has them. */
const Configuration = z.strictObject({
  receivers: z.strictObject({ otlp }),
  processors: z.strictObject({
    memory_limiter: memoryLimiter.optional(),
    batch: batch.optional(),
    elasticapm: z.strictObject({}).optional(),
    cumulativetodelta: z.strictObject({}).optional(),
  }),
  connectors: z.strictObject({ elasticapm: z.strictObject({}) }).optional(),
  exporters: z.strictObject({
    "otlp_grpc/jaeger": grpcClient.optional(),
    "otlp_grpc/elastic": grpcClient.optional(),
    debug: z
      .strictObject({ verbosity: z.literal("basic"), sampling_initial: z.int(), sampling_thereafter: z.int() })
      .optional(),
    "elasticsearch/otel": z
      .strictObject({
        endpoints: z.array(z.url()).length(1),
        user: z.string(),
        password: z.literal(`\${env:ELASTIC_COLLECTOR_PASSWORD}`),
        mapping: z.strictObject({ mode: z.literal("otel") }),
      })
      .optional(),
    jaeger_storage_exporter: z.strictObject({ trace_storage: z.literal("disk") }).optional(),
  }),
  extensions: z.strictObject({
    health_check: z.strictObject({ endpoint }).optional(),
    healthcheckv2: z.strictObject({ use_v2: z.literal(true), http: z.strictObject({ endpoint }) }).optional(),
    jaeger_storage: z
      .strictObject({
        backends: z.strictObject({
          disk: z.strictObject({
            badger: z.strictObject({
              directories: z.strictObject({ keys: z.string(), values: z.string() }),
              ephemeral: z.literal(false),
              ttl: z.strictObject({ spans: duration }),
            }),
          }),
        }),
      })
      .optional(),
    jaeger_query: z
      .strictObject({ storage: z.strictObject({ traces: z.literal("disk") }), http: z.strictObject({ endpoint }) })
      .optional(),
  }),
  service: z.strictObject({ extensions: z.array(z.string()), pipelines: z.record(z.string(), pipeline) }),
});
type Configuration = z.infer<typeof Configuration>;

/** As a Collector merges the files that it is started with: maps by key, the later file's values before the earlier's. */
function merged(a: unknown, b: unknown): unknown {
  if (!isMap(a) || !isMap(b)) return b;
  return Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [
      key,
      key in a && key in b ? merged(a[key], b[key]) : (b[key] ?? a[key]),
    ]),
  );
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function read(...files: readonly string[]): Configuration {
  const whole = files.map((file): unknown => parse(readFileSync(file, "utf8"))).reduce(merged);
  return Configuration.parse(isMap(whole) ? { extensions: {}, service: {}, ...whole, ...serviceOf(whole) } : whole);
}

/** A Collector without extensions needs not say so. */
function serviceOf(whole: Record<string, unknown>): object {
  const { service } = whole;
  return { service: { extensions: [], ...(isMap(service) ? service : {}) } };
}

function assertWired({ receivers, processors, exporters, connectors, extensions, service }: Configuration): void {
  const known = {
    receivers: [...Object.keys(receivers), ...Object.keys(connectors ?? {})],
    processors: Object.keys(processors),
    exporters: [...Object.keys(exporters), ...Object.keys(connectors ?? {})],
  };
  const used = new Set<string>(service.extensions);
  for (const [name, line] of Object.entries(service.pipelines)) {
    for (const part of ["receivers", "processors", "exporters"] as const) {
      for (const one of line[part]) {
        assert.ok(known[part].includes(one), `pipeline ${name}: ${one} is not among the ${part}`);
        used.add(one);
      }
    }
  }
  const all = [...known.receivers, ...known.processors, ...known.exporters, ...Object.keys(extensions)];
  for (const one of all) assert.ok(used.has(one), `${one} is used nowhere`);
}

const backends = { alone: "docker/collector/jaeger.yaml", elastic: "docker/collector/jaeger-and-elastic.yaml" };

for (const [name, file] of Object.entries(backends)) {
  test(`the Collector takes OTLP over gRPC, limits its memory first, and batches (${name})`, () => {
    const configuration = read("docker/collector/collector.yaml", file);
    assertWired(configuration);
    assert.is(configuration.receivers.otlp.protocols.grpc.endpoint, "0.0.0.0:4317");
    const { pipelines } = configuration.service;
    assert.equal(pipelines["traces"]?.processors, ["memory_limiter", "batch"]);
    // Elastic's exporter takes no cumulative histograms.
    const convert = name === "elastic" ? ["cumulativetodelta"] : [];
    assert.equal(pipelines["metrics"]?.processors, ["memory_limiter", ...convert, "batch"]);
    const traces = configuration.service.pipelines["traces"]?.exporters;
    assert.equal(traces, name === "alone" ? ["otlp_grpc/jaeger"] : ["otlp_grpc/jaeger", "otlp_grpc/elastic"]);
  });
}

test("Elastic's Collector enriches traces, counts them by service, and writes them under OpenTelemetry's names", () => {
  const configuration = read("docker/collector/elastic.yaml");
  assertWired(configuration);
  const { pipelines } = configuration.service;
  assert.equal(pipelines["traces"]?.processors, ["memory_limiter", "elasticapm"]);
  assert.equal(pipelines["traces"]?.exporters, ["elasticapm", "elasticsearch/otel"]);
  assert.equal(pipelines["metrics/aggregated"]?.receivers, ["elasticapm"]);
});

test("Jaeger takes OTLP over gRPC and keeps traces on disk", () => {
  const configuration = read("docker/jaeger.yaml");
  assertWired(configuration);
  assert.equal(configuration.service.pipelines["traces"]?.exporters, ["jaeger_storage_exporter"]);
});

test("the hosts that the Collectors send to are services of the stack", () => {
  const { services } = parse(readFileSync("docker-compose.yml", "utf8"), { merge: true }) as { services: object };
  const files = ["collector.yaml", "jaeger.yaml", "jaeger-and-elastic.yaml", "elastic.yaml"];
  for (const file of files) {
    const text = readFileSync(`docker/collector/${file}`, "utf8");
    for (const [, host = ""] of text.matchAll(/(?:endpoint: |http:\/\/)([a-z-]+):\d+/g))
      assert.ok(host in services, host);
  }
});

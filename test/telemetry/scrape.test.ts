/** A process that Prometheus scrapes on its health port: what it answers, beside which exporters, and while Redis is away. */

import * as assert from "uvu/assert";
import { connectBackbone } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type ClientOrder, clientOrders } from "../../trading/domain/index.ts";
import { type Series, seriesOf, sumOf } from "../ops/exposition.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { Collector } from "./collector.ts";

/** As long as Prometheus waits, unless it is told otherwise. */
const scrapeTimeoutMs = 10_000;

async function healthOf(process: StartedProcess): Promise<string> {
  return (JSON.parse(await process.line("health is told")) as { url: string }).url;
}

async function scrape(url: string): Promise<readonly Series[]> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(scrapeTimeoutMs) });
  assert.is(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  return seriesOf(await response.text());
}

const order: Omit<ClientOrder, "id"> = {
  ...{ userId: "ann", symbol: "AAPL", side: "buy", price: "10.00", quantity: 1, orderType: "limit" },
};

for (const preference of ["cumulative", "delta"]) {
  test(`Prometheus and a Collector that wants ${preference} values get the same counts and histograms`, async () => {
    await using collector = await Collector.start();
    const namespace = freshNamespace();
    await using algorithm = startProcess("consumers/algorithm/main.ts", [], {
      env: {
        ...{ REDIS_URL: redisUrl(), NAMESPACE: namespace, HEALTH_PORT: "0", LOG_LEVEL: "info" },
        ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_METRICS_EXPORTER: "otlp,prometheus" },
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: preference,
      },
    });
    const url = await healthOf(algorithm);
    await algorithm.line('"joined"');
    await using backbone = await connectBackbone({ url: redisUrl(), namespace });
    await Promise.all(["a", "b", "c"].map((id) => backbone.publish(clientOrders, { ...order, id })));
    const of = { messaging_consumer_group_name: "algorithm", messaging_destination_name: "client-orders" };
    const series = await eventually(async () => {
      const scraped = await scrape(url);
      const counts = ["throughline_critical_time_count", "messaging_client_consumed_messages_total"];
      return counts.every((name) => sumOf(scraped, name, of) === 3) && scraped;
    });
    assert.is(sumOf(series, "throughline_critical_time_bucket", { ...of, le: "+Inf" }), 3);
    assert.is(sumOf(series, "throughline_lag", of), 0);
    assert.is(sumOf(series, "throughline_partition_owned", { messaging_consumer_group_name: "algorithm" }), 4);
    assert.is(sumOf(series, "throughline_telemetry_dropped_spans_total"), 0);
    assert.equal(
      [...new Set(series.filter(({ name }) => name === "target_info").map(({ labels }) => labels["service_name"]))],
      ["algorithm"],
    );
    for (const { labels } of series) assert.not.ok("user_id" in labels || "client_order_id" in labels);

    algorithm.kill("SIGTERM");
    assert.equal(await algorithm.ended, { code: 0, signal: null });
    await collector.until(({ metrics }) =>
      metrics.some(({ name, points }) => name === "throughline.critical.time" && points.some(({ count }) => count > 0)),
    );
    const critical = collector.metrics.filter(({ name }) => name === "throughline.critical.time");
    assert.equal([...new Set(critical.map(({ temporality }) => temporality))], [preference.toUpperCase()]);
  });
}

test("while Redis is away, and before it was ever there, a scrape is answered in time", async () => {
  await using redis = await startPrivateRedis();
  const env = { HEALTH_PORT: "0", LOG_LEVEL: "info", OTEL_METRICS_EXPORTER: "prometheus" };
  await using waiting = startProcess("consumers/algorithm/main.ts", [], {
    env: { ...env, REDIS_URL: "redis://127.0.0.1:1" },
  });
  await scrape(await healthOf(waiting));

  await using algorithm = startProcess("consumers/algorithm/main.ts", [], { env: { ...env, REDIS_URL: redis.url } });
  const url = await healthOf(algorithm);
  await algorithm.line('"joined"');
  const owned = (series: readonly Series[]) => sumOf(series, "throughline_partition_owned");
  await eventually(async () => owned(await scrape(url)) === 4);
  await redis.kill("SIGKILL");
  await eventually(async () => (await fetch(`${url}/ready`)).status === 503);
  const startedAt = performance.now();
  const answers = await Promise.all(Array.from({ length: 20 }, () => scrape(url)));
  assert.ok(performance.now() - startedAt < scrapeTimeoutMs);
  for (const series of answers) assert.is.not(owned(series), undefined);
});

test("without OTEL_METRICS_EXPORTER=prometheus there is no such path", async () => {
  const env = { REDIS_URL: redisUrl(), NAMESPACE: freshNamespace(), HEALTH_PORT: "0", LOG_LEVEL: "info" };
  await using algorithm = startProcess("consumers/algorithm/main.ts", [], { env });
  const url = await healthOf(algorithm);
  const response = await fetch(`${url}/metrics`);
  assert.is(response.status, 404);
  assert.match(await response.text(), "/live and /ready");
});

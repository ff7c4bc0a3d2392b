/**
 * A real Collector with the configuration of the Compose stack, between a process and two backends. `OTELCOL` names its binary, one with the components of
 * the contrib distribution that docker/collector uses; nothing is built or fetched here.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { makeDirectory } from "../replay/recording-files.ts";
import { eventually } from "../support/eventually.ts";
import { skip, test } from "../support/test.ts";
import { Collector, idOf } from "./collector.ts";
import { startEmitter } from "./emitter.ts";
import type { WireSpan } from "./otlp.ts";

const spansOfEvent = 3;

function binary(): string {
  const path = process.env["OTELCOL"] ?? "";
  if (path === "") skip("OTELCOL names no Collector's binary");
  const { status, error } = spawnSync(path, ["--version"]);
  if (status !== 0) throw new Error(`OTELCOL is ${path}, which does not run`, { cause: error });
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("there is no port");
  return address.port;
}

interface RealCollector extends AsyncDisposable {
  readonly endpoint: string;
  start(): Promise<void>;
  kill(): Promise<void>;
}

/** Of the stack's configuration only addresses are replaced, and the whole of a machine's memory by a number. */
async function realCollector(jaeger: Collector, elastic: Collector): Promise<RealCollector> {
  const path = binary();
  const directory = await makeDirectory();
  const [port, healthPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const own = join(directory.path("."), "own.json"); // JSON is YAML
  const hostOf = ({ endpoint }: Collector): object => ({ endpoint: new URL(endpoint).host });
  const reader = { pull: { exporter: { prometheus: { host: "127.0.0.1", port: metricsPort } } } };
  writeFileSync(
    own,
    JSON.stringify({
      receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { "otlp_grpc/jaeger": hostOf(jaeger), "otlp_grpc/elastic": hostOf(elastic) },
      extensions: { health_check: { endpoint: `127.0.0.1:${healthPort}` } },
      service: { telemetry: { metrics: { readers: [reader] } } },
    }),
  );
  const files = ["docker/collector/collector.yaml", "docker/collector/jaeger-and-elastic.yaml", own];
  let child: ReturnType<typeof spawn> | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async start() {
      const started = spawn(
        path,
        files.map((file) => `--config=${file}`),
        { stdio: ["ignore", "ignore", "pipe"] },
      );
      child = started;
      let log = "";
      started.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
      });
      await eventually(async () => {
        if (started.exitCode !== null) throw new Error(`the Collector ended with ${started.exitCode}: ${log}`);
        return (await fetch(`http://127.0.0.1:${healthPort}/`)).ok;
      });
    },
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function told(spans: readonly WireSpan[]): readonly string[] {
  return spans.map((span) => JSON.stringify({ ...span, links: span.links.map(idOf) })).sort();
}

test(
  "spans reach both backends as they were sent, also those of a time when the Collector was away, and histograms reach Elastic as deltas",
  async () => {
    await using jaeger = await Collector.start();
    await using elastic = await Collector.start();
    await using real = await realCollector(jaeger, elastic);
    await real.start();
    await using emitter = await startEmitter({
      OTEL_EXPORTER_OTLP_ENDPOINT: real.endpoint,
      OTEL_METRIC_EXPORT_INTERVAL: "500",
    });
    await emitter.tell("events 100");
    await jaeger.until(({ spans }) => spans.length === 100 * spansOfEvent);
    await real.kill();
    await emitter.tell("events 1000");
    await real.start();
    for (const backend of [jaeger, elastic])
      await backend.until(({ spans }) => spans.length === 1_100 * spansOfEvent, 60_000);
    assert.equal(told(elastic.spans), told(jaeger.spans));
    const [process] = jaeger.spans.filter(({ name }) => name === "process client-orders");
    assert.equal(process?.attributes["client.order_id"], "c-1");
    await emitter.tell("events 10");
    await emitter.tell("stop");
    assert.not.match(emitter.log(), "lost in all");
    const durations = () => elastic.metrics.filter(({ name }) => name === "messaging.process.duration");
    await elastic.until(() => durations().length > 0);
    assert.equal([...new Set(durations().map(({ temporality }) => temporality))], ["DELTA"]);
    assert.equal(jaeger.metrics, []);
  },
  { timeoutMs: 180_000 },
);

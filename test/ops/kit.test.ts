/** The operator's kit: promtool takes rules, configuration and queries, and all that they name is what a process exports; so is what the guide lists. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { z } from "zod";
import { startTelemetry } from "../../src/telemetry.ts";
import { test } from "../support/test.ts";
import { Rig } from "../tracing/recorded.ts";
import { type Series, seriesOf } from "./exposition.ts";
import { needPromtool, promtool, rulesPath } from "./rules.ts";

const Rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});
const Dashboard = z.object({
  templating: z.object({ list: z.array(z.object({ query: z.union([z.string(), z.object({ query: z.string() })]) })) }),
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).default([]) })),
});

const rules = Rules.parse(parse(readFileSync(rulesPath, "utf8"))).groups.flatMap((group) => group.rules);
const dashboard = Dashboard.parse(JSON.parse(readFileSync("ops/grafana/throughline.json", "utf8")));
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const variables = dashboard.templating.list.map(({ query }) => (typeof query === "string" ? "" : query.query));

/** All that the backbone can tell of itself, told once, as a process answers it. */
let exported: Promise<readonly Series[]> | undefined;

async function exportAll(): Promise<readonly Series[]> {
  Object.assign(process.env, { OTEL_METRICS_EXPORTER: "prometheus", OTEL_TRACES_EXPORTER: "none", LOG_LEVEL: "warn" });
  await using telemetry = await startTelemetry({ serviceName: "kit", scrape: true });
  const rig = new Rig();
  const { tracing } = rig;
  const entry = rig.published("a");
  rig.process([entry], { claimed: true }).settled("acked");
  rig.process([entry]).settled("retried", new Error("x"));
  rig.process([entry]).settled("deadLettered", new Error("x"));
  rig.process([entry]).settled("fenced");
  const broken = { ...entry.carrier, traceparent: "none", baggage: "x".repeat(10_000) };
  rig.process([{ ...entry, carrier: broken }]).run(() => tracing.send(rig.sending()).sent("1-0"));
  tracing.send(rig.sending({ baggage: { secret: "s" } })).failed(new Error("x"));
  tracing.lost("orders", "c", 1);
  tracing.trimmed("orders", 1);
  tracing.refused("c", 0, 1);
  tracing.tookOver("c", 0);
  tracing.sourceRan("source/s", 0, "failed");
  const counts = { lagEntries: 1, lagMs: 1, pending: 1, parked: 1, deadLetters: 1 };
  const of = { channel: "orders", component: "c", partition: 0 };
  const relays = [{ ...of, outputs: 1, oldestMs: 1 }];
  tracing.observe(async () => ({ groups: [{ ...of, ...counts }], relays, epochs: [{ ...of, epoch: 1 }] }));
  tracing.observeOwned(() => [{ ...of, isOwned: true }]);
  tracing.observeHandlers(() => [{ ...of, ranMs: 1 }]);
  tracing.observeReadiness(() => [{ component: "c", isReady: true }]);
  const server = createServer(telemetry.scrape);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    return seriesOf(await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).text());
  } finally {
    server.close();
  }
}

function whatIsExported(): Promise<readonly Series[]> {
  exported ??= exportAll();
  return exported;
}

/** Prometheus's own, about what it scrapes. */
const ofPrometheus = ["up", "job", "instance", "alertname", "le"];

test("promtool takes the rules and Prometheus's configuration, and parses every query of the dashboard", async () => {
  needPromtool();
  assert.is(promtool("check", "rules", rulesPath).status, 0);
  assert.is(promtool("check", "config", "ops/prometheus/prometheus.yml").status, 0);
  const ranges: Readonly<Record<string, string>> = { $__range: "1h", $__rate_interval: "1m" };
  const asRules = queries.map((expr, n) => ({
    record: `panel:${n}`,
    expr: expr.replaceAll(/\$__\w+/g, (name) => ranges[name] ?? name),
  }));
  const directory = mkdtempSync(join(tmpdir(), "throughline-queries-"));
  try {
    writeFileSync(join(directory, "queries.json"), JSON.stringify({ groups: [{ name: "panels", rules: asRules }] }));
    const { status, output } = promtool("check", "rules", join(directory, "queries.json"));
    assert.is(status, 0, output);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("every metric and label that the rules and the dashboard name is one that a process exports", async () => {
  const series = await whatIsExported();
  const known = new Set([...ofPrometheus, ...series.flatMap(({ name, labels }) => [name, ...Object.keys(labels)])]);
  const expressions = [...rules.map(({ expr }) => expr), ...queries, ...variables];
  const used = expressions.flatMap(
    (text) => text.replaceAll(/"[^"]*"/g, '""').match(/\b(?:throughline|messaging|error|otel)_\w+|\bup\b/g) ?? [],
  );
  assert.ok(used.length > 100);
  assert.equal([...new Set(used.filter((name) => !known.has(name)))], []);
});

test("the guide lists the metrics that a process exports, and no others", async () => {
  const series = await whatIsExported();
  const guide = readFileSync("docs/guide/tracing.md", "utf8");
  const [, section = ""] = guide.split("\n## Metrics\n");
  const listed = new Set(
    [...(section.split("\n## ")[0] ?? "").matchAll(/^\| `([\w.]+)`/gm)].map(([, name = ""]) =>
      name.replaceAll(".", "_"),
    ),
  );
  const names = series
    .filter(({ labels }) => labels["otel_scope_name"] === "throughline")
    .map(({ name }) => name.replace(/_(total|bucket|sum|count)$/, ""));
  assert.equal([...new Set(names)].sort(), [...listed].sort());
});

test("each alert is told of in the guide", () => {
  const guide = readFileSync("docs/guide/tracing.md", "utf8");
  for (const { alert } of rules) assert.ok(guide.includes(`\`${alert}\``), alert);
});
